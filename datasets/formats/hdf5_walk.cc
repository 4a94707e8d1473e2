#include "datasets/formats/hdf5_walk.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "datasets/formats/hdf5_attributes.h"
#include "datasets/formats/hdf5_describe.h"
#include "datasets/formats/hdf5_handle.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

#if H5_VERSION_GE(1, 12, 0)
using ObjectInfo = H5O_info1_t;
using LinkInfo = H5L_info1_t;
constexpr auto* iterate_links = &H5Literate1;
constexpr auto* get_link_info = &H5Lget_info1;
#else
using ObjectInfo = H5O_info_t;
using LinkInfo = H5L_info_t;
constexpr auto* iterate_links = &H5Literate;
constexpr auto* get_link_info = &H5Lget_info;
#endif
using ObjectId = std::pair<unsigned long, haddr_t>;  // the file it lies in, and where

constexpr std::size_t kMostDepth = 10000, kMostRepeats = 100000;

ObjectInfo info_of(hid_t object) {
  ObjectInfo info{};
  if (H5Oget_info2(object, &info, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS) < 0)
    throw Error("cannot be looked at");
  return info;
}

struct Link {
  std::string name;
  H5L_type_t type;
};

herr_t collect_link(hid_t, const char* name, const LinkInfo* info, void* links) {
  static_cast<std::vector<Link>*>(links)->push_back({name, info->type});
  return 0;
}

class Walk {
 public:
  Walk(std::string path, const std::function<void(const json&)>& found)
      : path_(std::move(path)), found_(found), file_(-1, H5Fclose) {
    const Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, true, true);  // where the file system has locks
#endif
    file_ = Hdf5Id(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access), H5Fclose);
  }

  void run() {
    if (!file_.good())
      throw Error("is truncated or damaged: HDF5 cannot open it", path_, "download or copy it again");
    enter(Hdf5Id(H5Gopen2(file_, "/", H5P_DEFAULT), H5Gclose));
    while (!groups_.empty()) {
      Group& here = groups_.back();
      key_.resize(here.key_length);
      if (here.next == here.links.size()) {
        groups_.pop_back();
        continue;
      }
      const Link link = here.links[here.next++];
      if (!key_.empty()) key_ += '/';
      key_ += link.name;
      visit(here.id, link);
    }
  }

 private:
  struct Group {
    Hdf5Id id;
    ObjectId object;
    std::vector<Link> links;
    std::size_t next, key_length;
  };

  // Goes on with a group's own names; key_ is its name.
  void enter(Hdf5Id id) {
    const ObjectInfo info = info_of(id);
    if (info.num_attrs != 0) look_at_attributes(id, false);
    Group group{std::move(id), {info.fileno, info.addr}, {}, 0, key_.size()};
    hsize_t at = 0;
    if (iterate_links(group.id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, collect_link, &group.links) < 0)
      throw Error("is damaged: the names in " + (key_.empty() ? "it" : "'" + key_ + "'") + " cannot be read",
                  path_, "download or copy it again");
    groups_.push_back(std::move(group));
  }

  void leave_out(const std::string& problem, const std::string& fix = "") {
    found_({{"left_out", {{"key", key_}, {"problem", problem}, {"fix", fix}}}});
  }

  // Where a link leads that leads nowhere.
  std::string target(hid_t group, const Link& link) const {
    LinkInfo info{};
    std::vector<char> value(1, 0);
    if (get_link_info(group, link.name.c_str(), &info, H5P_DEFAULT) >= 0 && link.type != H5L_TYPE_HARD) {
      value.resize(info.u.val_size + 1, 0);
      H5Lget_val(group, link.name.c_str(), value.data(), info.u.val_size, H5P_DEFAULT);
    }
    if (link.type == H5L_TYPE_SOFT)
      return "is a link to '" + std::string(value.data()) + "', which is not there";
    unsigned flags = 0;
    const char *file = nullptr, *object = nullptr;
    if (link.type == H5L_TYPE_EXTERNAL &&
        H5Lunpack_elink_val(value.data(), info.u.val_size, &flags, &file, &object) >= 0)
      return "is a link to '" + std::string(object) + "' in the file '" + file +
             "', which is not there or cannot be read";
    return "cannot be opened: it is damaged, or written by a newer HDF5 than this one";
  }

  void visit(hid_t group, const Link& link) {
    const Hdf5Id object(H5Oopen(group, link.name.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.good()) return leave_out(target(group, link));
    const H5I_type_t what = H5Iget_type(object);
    if (what != H5I_GROUP && what != H5I_DATASET) return;  // a type that has a name
    try {
      const ObjectInfo info = info_of(object);
      const ObjectId id{info.fileno, info.addr};
      if (!met_.insert(id).second && ++repeats_ > kMostRepeats)
        throw Error(
            "has more than " + std::to_string(kMostRepeats) + " names for objects that have another name",
            path_, "h5repack does not help; write the file anew without its links");
      if (what == H5I_DATASET) {
        found_(dataset(object, info));
        if (info.num_attrs != 0) look_at_attributes(object, true);
        return;
      }
      for (const Group& g : groups_)
        if (g.object == id) return leave_out("is a link back to a group that it lies in");
      if (groups_.size() >= kMostDepth)
        return leave_out("lies more than " + std::to_string(kMostDepth) + " groups deep");
    } catch (const Error& e) {
      if (!e.where().empty()) throw;  // of the file, not of this object
      return leave_out(e.problem(), e.fix());
    }
    enter(Hdf5Id(H5Gopen2(group, link.name.c_str(), H5P_DEFAULT), H5Gclose));
  }

  json dataset(hid_t object, const ObjectInfo& info) const {
    json d = describe_hdf5_dataset(object);
    d["key"] = key_;
    d["object"] = {info.fileno, info.addr};
    std::string file(static_cast<std::size_t>(std::max<ssize_t>(H5Fget_name(object, nullptr, 0), 0)), 0);
    H5Fget_name(object, file.data(), file.size() + 1);
    if (file != path_) d["file"] = file;
    return {{"dataset", std::move(d)}};
  }

  // The attributes of what key_ names.
  void look_at_attributes(hid_t object, bool of_column) {
    if (json all = read_hdf5_attributes(object); !all.empty())
      found_({{"attributes", {{"object", key_}, {"of_column", of_column}, {"attributes", std::move(all)}}}});
  }

  std::string path_;
  const std::function<void(const json&)>& found_;
  Hdf5Id file_;
  std::string key_;  // the name that is looked at
  std::vector<Group> groups_;
  std::set<ObjectId> met_;
  std::size_t repeats_ = 0;
};

}  // namespace

void walk_hdf5(const std::string& path, const std::function<void(const json&)>& found) {
  try {
    Walk(path, found).run();
  } catch (const Error& e) {
    found({{"error", e.problem()}, {"where", e.where()}, {"fix", e.fix()}});
  }
}

}  // namespace hardy::datasets
