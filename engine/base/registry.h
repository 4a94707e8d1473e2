// Things by name: methods, environments, formats, commands, each filled by the files that bring one.
//
//   Registry<Entry>& methods() {
//     static Registry<Entry> all("offline method", "hardy train");  // made on first use: static objects fill
//     it return all;
//   }
//   methods().add("riql", {...});          // a name twice is an Error
//   methods().get("riqll")                 // an Error: there is no offline method 'riqll'; did you mean
//   'riql'?
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy {

template <class T>
class Registry {
 public:
  // What an entry is called in messages, and where a wrong name was given.
  Registry(std::string kind, std::string where) : kind_(std::move(kind)), where_(std::move(where)) {}

  void add(const std::string& name, T entry) {
    if (!entries_.emplace(name, std::move(entry)).second)
      throw Error("the name '" + name + "' is registered twice as " + kind_, where_);
  }
  const T* find(const std::string& name) const {  // null: there is none
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // An Error that says the nearest name; `also` follows it.
  const T& get(const std::string& name, const std::string& also = "") const {
    if (const T* entry = find(name)) return *entry;
    throw Error("there is no " + kind_ + " '" + name + "'", where_, suggestion(name, names()) + also);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, entry] : entries_) all.push_back(name);
    return all;
  }
  // By name.
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::string kind_, where_;
  std::map<std::string, T> entries_;
};

}  // namespace hardy
