// Dataset files of any format, as columns read and written by rows.
//
// A Reader shows a file as D4RL names its columns, whatever the format calls them: observations,
// next_observations, actions, rewards, terminals, timeouts, infos/...; what else the file holds keeps its
// own key, groups joined by "/". Rows can be read in any order and piece by piece, so that a file larger
// than memory can be walked. A Writer takes rows in pieces too, and its file appears whole or not at all.
//
//   auto in = open_dataset("hopper.hdf5");
//   const Column& rewards = in->column("rewards");
//   std::vector<float> piece(1000);
//   in->read(rewards, 5000, 1000, std::as_writable_bytes(std::span(piece)));
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/array.h"
#include "datasets/watched_file.h"
#include "engine/base/error.h"
#include "engine/base/registry.h"

namespace hardy::datasets {

struct Attribute;  // datasets/attributes.h
struct Hdf5Layout;

struct Column {
  std::string key;
  ArrayType type = ArrayType::kF32;
  std::vector<std::int64_t> shape;  // shape[0] are the rows; empty: a scalar
  // How the file stores it. A writer of the same kind of file stores it so again; elements that this type
  // cannot hold are an Error there: leave it out where values change.
  StoredAsPtr stored_as = nullptr;

  std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::int64_t row_elements() const;  // the product of shape[1], shape[2], ...
  std::size_t row_bytes() const { return static_cast<std::size_t>(row_elements()) * size_of(type); }
  std::string describe() const { return datasets::describe(type, shape); }
};

class Reader {
 public:
  virtual ~Reader();
  const std::string& path() const { return path_; }
  const std::string& format() const { return format_; }  // "d4rl", "minari", ...

  const std::vector<Column>& columns() const { return columns_; }  // by key
  const Column* find(const std::string& key) const;                // null where there is none
  // An Error that lists what there is, or says why that column is left out.
  const Column& column(const std::string& key) const;
  std::string where(const Column& column) const { return path_ + " /" + column.key; }

  // Rows [first, first + rows) into `to`, which has exactly rows * row_bytes(). Not for text. Uses the
  // reader's threads; one call at a time.
  void read(const Column& column, std::int64_t first, std::int64_t rows, std::span<std::byte> to);
  std::vector<float> read_floats(const Column& column, std::int64_t first, std::int64_t rows);
  // A whole column, text too.
  Array read(const Column& column);

  // FileChanged where the files that it reads are no longer those that it began with; reading rows looks too.
  void require_unchanged() const;
  void watch(std::vector<WatchedFile> files) { watched_ = std::move(files); }

  // What the file holds and the columns do not show, one line each.
  const std::vector<std::string>& notes() const { return notes_; }
  // What the file says about itself outside its columns (attributes, Minari's metadata); an object.
  virtual nlohmann::json attributes() const;
  // The same, and what it says about its columns and groups, exactly as the file has it: for
  // Writer::set_attributes.
  virtual std::vector<Attribute> all_attributes() const;

 protected:
  Reader(std::string path, std::string format);
  void set_columns(std::vector<Column> columns);  // sorts them by key
  void note(std::string line) { notes_.push_back(std::move(line)); }
  // A column that cannot be read: an Error where it is one of main_columns(), otherwise a note.
  void leave_out(const std::string& key, const std::string& problem, const std::string& fix);
  virtual void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) = 0;
  virtual std::vector<std::string> read_text(const Column& column);

 private:
  std::string path_, format_;
  std::vector<Column> columns_;
  std::vector<std::string> notes_;
  std::map<std::string, Error> left_out_;
  std::vector<WatchedFile> watched_;
};

// What learning and statistics read: observations, actions, rewards, terminals, timeouts, next_observations.
const std::vector<std::string>& main_columns();
bool is_main_column(const std::string& key);

class Writer {
 public:
  virtual ~Writer();  // without commit(): no file
  // Every column is declared, with all its rows, before it is written. Text and scalars are put whole.
  virtual void declare(const Column& column) = 0;
  // The next rows of a column: a multiple of its row_bytes().
  virtual void append(const std::string& key, std::span<const std::byte> rows) = 0;
  virtual void put(const std::string& key, const Array& array) = 0;  // declares and writes
  // A whole column as the other file stores it, where this one can store it so without a look at its values;
  // false: declare it, and append its rows.
  virtual bool copy_stored(Reader& from, const Column& column);
  // What the file shall say about itself, as Reader::all_attributes() or attributes() gives it; kept as far
  // as the format has a place for it. At most once, before commit().
  virtual void set_attributes(const std::vector<Attribute>& attributes);
  void set_attributes(const nlohmann::json& attributes);
  // Errors where a column lacks rows. Syncs, and gives the file its name.
  virtual void commit() = 0;
  // After commit(): what the format had no place for, one line each.
  const std::vector<std::string>& notes() const { return notes_; }

 protected:
  void note(std::string line) { notes_.push_back(std::move(line)); }

 private:
  std::vector<std::string> notes_;
};

struct OpenSettings {
  std::string format = "";  // empty: told by the file's content
  int threads = 0;          // that decompress; 0: the machine's
  // Minari's Dict and Tuple observations: the parts to concatenate, in this order ("achieved_goal",
  // "observation", "camera/left"); empty: all, in the file's order.
  std::vector<std::string> observation_parts = {};
  bool any_columns = false;  // also without observations: the caller gives columns other names
};
// Errors: not a file, of no known format, damaged, without observations; they name the file and the key.
std::unique_ptr<Reader> open_dataset(const std::filesystem::path& path, const OpenSettings& settings = {});

// Whether some format knows it: a file or folder that open_dataset would try to read.
bool holds_dataset(const std::filesystem::path& path);

struct WriteSettings {
  std::string format = "d4rl";
  int gzip = 4;     // 0: not compressed, to 9
  int threads = 0;  // that compress; the file's bytes do not depend on them
  // What is copied unchanged from an HDF5 file stays compressed and cut into chunks as it is there.
  bool keep = true;
};
std::unique_ptr<Writer> create_dataset(const std::filesystem::path& path, const WriteSettings& settings = {});

// Refuses a file without observations, saying what it holds and what is expected: it is of a layout that is
// not known here, and would become a dataset without rows.
void require_known_columns(const Reader& reader);

// All columns of a reader, and a file of all arrays.
Arrays read_arrays(Reader& reader);
void write_arrays(Writer& writer, const Arrays& arrays);  // and commits

// All that belongs to the dataset at `in`, which an output must therefore leave alone: `in` itself, and the
// folders of a Minari dataset that is named by its HDF5 file.
std::vector<std::filesystem::path> places_of(const std::filesystem::path& in);

// What is known of a file before it is read; what was looked up for one format is kept for the next.
class Probe {
 public:
  explicit Probe(std::filesystem::path path);
  const std::filesystem::path& path() const { return path_; }
  bool is_folder() const { return is_folder_; }
  std::span<const std::byte> head() const { return head_; }  // the first bytes, 4096 at most
  bool starts_with(std::string_view mark) const;
  bool is_hdf5() const;  // also behind a user block
  // The structure of the HDF5 file at `path` (this one, or one inside this folder).
  std::shared_ptr<const Hdf5Layout> hdf5(const std::filesystem::path& path);
  // All that is read: this file, what hdf5() saw, and what a format adds before it reads it.
  void watch(const std::filesystem::path& path);
  const std::vector<WatchedFile>& watched() const { return watched_; }

 private:
  std::filesystem::path path_, layout_path_;
  bool is_folder_ = false;
  std::vector<std::byte> head_;
  std::shared_ptr<const Hdf5Layout> layout_;
  std::vector<WatchedFile> watched_;
};

// A format is a file with a static Registration; nothing else knows of it.
struct Format {
  std::string name, about;  // "minari", one line for the help
  // What files of this format are called (".hdf5"): `convert` chooses by it where it is not told. Empty:
  // never.
  std::string extension;
  // How surely the file is of this format; the highest answer opens it, 0 means that it is not.
  int (*recognise)(Probe& probe);
  std::unique_ptr<Reader> (*open)(Probe& probe, const OpenSettings& settings);
  // Null where the format is only read.
  std::unique_ptr<Writer> (*create)(const std::filesystem::path& path, const WriteSettings& settings);
};
struct RegisterFormat {
  explicit RegisterFormat(const Format& format);
};
const Registry<Format>& formats();
const Format& format_named(const std::string& name);  // an Error with the names that there are

}  // namespace hardy::datasets
