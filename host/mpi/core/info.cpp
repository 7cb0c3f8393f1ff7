// SPDX-License-Identifier: BSD-3-Clause
// Info objects (MPI 5.0, chapter 10).
#include <sys/utsname.h>
#include <unistd.h>
#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/info.hpp"
#include "core/runtime.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

std::string_view check_key(const char* key) {
  if (key == nullptr) fail(MPI_ERR_INFO_KEY, "key is NULL");
  const std::size_t length = ::strnlen(key, MPI_MAX_INFO_KEY);
  if (length == 0) fail(MPI_ERR_INFO_KEY, "key is empty");
  if (length >= MPI_MAX_INFO_KEY)
    fail(MPI_ERR_INFO_KEY, "key has more than MPI_MAX_INFO_KEY - 1 = {} characters", MPI_MAX_INFO_KEY - 1);
  return {key, length};
}

Info& changeable(MPI_Info info) {
  Info& object = get_info(info);
  if (object.predefined) fail(MPI_ERR_INFO, "info is MPI_INFO_ENV, which the program cannot change");
  return object;
}

InfoEntries::iterator find(InfoEntries& entries, std::string_view key) {
  return std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == key; });
}

std::string command_line(std::string* command) {
  // Arguments end with NUL each.
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!all.empty() && all.back() == '\0') all.pop_back();
  const std::size_t end = std::min(all.find('\0'), all.size());
  *command = all.substr(0, end);
  std::string arguments = end < all.size() ? all.substr(end + 1) : std::string();
  std::replace(arguments.begin(), arguments.end(), '\0', ' ');
  return arguments;
}

}  // namespace

void set_hint(InfoEntries* entries, const std::string& key, const std::string& value) {
  const auto found = find(*entries, key);
  if (found != entries->end()) {
    found->second = value;
  } else {
    entries->emplace_back(key, value);
  }
}

void fill_info_env(InfoEntries* entries) {
  const auto add = [entries](const char* key, std::string value) {
    if (value.empty()) return;
    if (value.size() >= MPI_MAX_INFO_VAL) value.resize(MPI_MAX_INFO_VAL - 1);
    set_hint(entries, key, value);
  };
  std::string command;
  const std::string arguments = command_line(&command);
  add("command", command);
  add("argv", arguments);
  if (runtime.world != nullptr) {
    add("maxprocs", std::to_string(runtime.world->size));
    const char* level = runtime.thread_level == MPI_THREAD_MULTIPLE     ? "MPI_THREAD_MULTIPLE"
                        : runtime.thread_level == MPI_THREAD_SERIALIZED ? "MPI_THREAD_SERIALIZED"
                        : runtime.thread_level == MPI_THREAD_FUNNELED   ? "MPI_THREAD_FUNNELED"
                                                                        : "MPI_THREAD_SINGLE";
    add("thread_level", level);
  }
  utsname system{};
  if (::uname(&system) == 0) {
    add("host", system.nodename);
    add("arch", system.machine);
  }
  char directory[4096];
  if (::getcwd(directory, sizeof directory) != nullptr) add("wdir", directory);
  add("mpi_memory_alloc_kinds", kMemoryKinds);
}

const std::string* find_info(const InfoEntries& entries, std::string_view key) {
  for (const auto& entry : entries) {
    if (entry.first == key) return &entry.second;
  }
  return nullptr;
}

// --- MPI_Info_*
// ---------------------------------------------------------------------------------------------

void Info_create(MPI_Info* info) {
  check_out(info, "info");
  *info = handle(new Info());
}

void Info_create_env(int argc, char* argv[], MPI_Info* info) {
  check_out(info, "info");
  if (argc < 0) fail(MPI_ERR_ARG, "argc {} is negative", argc);
  auto* made = new Info();
  fill_info_env(&made->entries);
  if (argc > 0 && argv != nullptr) {
    std::erase_if(made->entries,
                  [](const auto& entry) { return entry.first == "command" || entry.first == "argv"; });
    std::string arguments;
    for (int i = 1; i < argc && argv[i] != nullptr; ++i)
      arguments += (i > 1 ? " " : "") + std::string(argv[i]);
    if (argv[0] != nullptr) made->entries.emplace_back("command", argv[0]);
    if (!arguments.empty()) made->entries.emplace_back("argv", arguments.substr(0, MPI_MAX_INFO_VAL - 1));
  }
  *info = handle(made);
}

void Info_dup(MPI_Info info, MPI_Info* newinfo) {
  const Info& old = get_info(info);
  check_out(newinfo, "newinfo");
  auto* made = new Info();
  made->entries = old.entries;
  *newinfo = handle(made);
}

void Info_free(MPI_Info* info) {
  check_out(info, "info");
  release(&changeable(*info));
  *info = MPI_INFO_NULL;
}

void Info_set(MPI_Info info, const char* key, const char* value) {
  Info& object = changeable(info);
  const std::string_view name = check_key(key);
  if (value == nullptr) fail(MPI_ERR_INFO_VALUE, "value is NULL");
  if (::strnlen(value, MPI_MAX_INFO_VAL) >= MPI_MAX_INFO_VAL)
    fail(MPI_ERR_INFO_VALUE, "value has more than MPI_MAX_INFO_VAL - 1 = {} characters",
         MPI_MAX_INFO_VAL - 1);
  set_hint(&object.entries, std::string(name), value);
}

void Info_delete(MPI_Info info, const char* key) {
  Info& object = changeable(info);
  const std::string_view name = check_key(key);
  const auto found = find(object.entries, name);
  if (found == object.entries.end()) fail(MPI_ERR_INFO_NOKEY, "key '{}' is not in the info object", name);
  object.entries.erase(found);
}

void Info_get(MPI_Info info, const char* key, int valuelen, char* value, int* flag) {
  const Info& object = get_info(info);
  const std::string_view name = check_key(key);
  if (valuelen < 0) fail(MPI_ERR_ARG, "valuelen {} is negative", valuelen);
  check_out(flag, "flag");
  const std::string* found = find_info(object.entries, name);
  *flag = found != nullptr;
  if (found == nullptr) return;
  check_out(value, "value");
  const std::size_t length = std::min(found->size(), static_cast<std::size_t>(valuelen));
  std::memcpy(value, found->data(), length);
  value[length] = '\0';
}

void Info_get_string(MPI_Info info, const char* key, int* buflen, char* value, int* flag) {
  const Info& object = get_info(info);
  const std::string_view name = check_key(key);
  check_out(buflen, "buflen");
  check_out(flag, "flag");
  if (*buflen < 0) fail(MPI_ERR_ARG, "buflen {} is negative", *buflen);
  const std::string* found = find_info(object.entries, name);
  *flag = found != nullptr;
  if (found == nullptr) return;
  if (*buflen > 0) {
    check_out(value, "value");
    const std::size_t length = std::min(found->size(), static_cast<std::size_t>(*buflen) - 1);
    std::memcpy(value, found->data(), length);
    value[length] = '\0';
  }
  *buflen = static_cast<int>(found->size() + 1);
}

void Info_get_valuelen(MPI_Info info, const char* key, int* valuelen, int* flag) {
  const Info& object = get_info(info);
  const std::string_view name = check_key(key);
  check_out(valuelen, "valuelen");
  check_out(flag, "flag");
  const std::string* found = find_info(object.entries, name);
  *flag = found != nullptr;
  if (found != nullptr) *valuelen = static_cast<int>(found->size());
}

void Info_get_nkeys(MPI_Info info, int* nkeys) {
  const Info& object = get_info(info);
  check_out(nkeys, "nkeys");
  *nkeys = static_cast<int>(object.entries.size());
}

void Info_get_nthkey(MPI_Info info, int n, char* key) {
  const Info& object = get_info(info);
  if (n < 0 || static_cast<std::size_t>(n) >= object.entries.size())
    fail(MPI_ERR_ARG, "n {} is out of range: the info object has {} keys", n, object.entries.size());
  check_out(key, "key");
  const std::string& name = object.entries[static_cast<std::size_t>(n)].first;
  std::memcpy(key, name.c_str(), name.size() + 1);
}

}  // namespace tally::mpi
