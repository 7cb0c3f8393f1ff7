// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/msccl/import.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "schedule/msccl/convert.hpp"
#include "schedule/msccl/parse.hpp"
#include "schedule/verify_internal.hpp"

namespace tally::schedule {

namespace {

/// Ranks that run different files must not take them for one algorithm.
std::string hash_of(const std::string& text) {
  std::uint32_t hash = 2166136261u;  // FNV-1a (Fowler, Noll, Vo)
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  char out[9];
  std::snprintf(out, sizeof out, "%08x", hash);
  return out;
}

/// A file says for which ways of calling it is meant. It may stand the other one too.
void serve_more(Schedule* s) {
  if (s->collective == Collective::kBcast || (s->in_place && s->out_of_place)) return;
  Schedule both = *s;
  both.in_place = both.out_of_place = true;
  if (verify(both).empty()) *s = std::move(both);
}

}  // namespace

bool import_msccl(const std::string& xml, Imported* out, std::string* error) {
  msccl::Algorithm algorithm;
  Schedule wide;
  if (!msccl::parse(xml, &algorithm, error) || !msccl::convert(algorithm, &wide, error)) return false;
  *error = detail::verify_wide(wide);
  if (!error->empty()) {
    *error = "with a lane for each thread block: " + *error;
    return false;
  }
  Imported made;
  made.schedule = msccl::narrow(wide);
  *error = verify(made.schedule);
  if (!error->empty()) {
    *error = "in " + std::to_string(kMaxLanes) + " lanes: " + *error;
    return false;
  }
  serve_more(&made.schedule);
  made.schedule.algorithm = algorithm.name + "@" + hash_of(xml);
  made.protocol = algorithm.protocol;
  made.gpus = algorithm.gpus.size();
  for (const msccl::Gpu& gpu : algorithm.gpus) {
    made.thread_blocks = std::max(made.thread_blocks, gpu.blocks.size());
    for (const msccl::ThreadBlock& block : gpu.blocks) made.steps += block.steps.size();
  }
  made.min_bytes = algorithm.min_bytes;
  made.max_bytes = algorithm.max_bytes;
  *out = std::move(made);
  return true;
}

bool is_file(const std::string& algorithm) { return algorithm.ends_with(".xml"); }

std::shared_ptr<const Imported> load_msccl(const std::string& path, std::string* error) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Imported>> loaded;
  const std::lock_guard lock(mutex);
  const auto found = loaded.find(path);
  if (found != loaded.end()) return found->second;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    *error = "file '" + path + "' cannot be read";
    return nullptr;
  }
  auto made = std::make_shared<Imported>();
  if (!import_msccl(text.str(), made.get(), error)) {
    *error = path + ": " + *error;
    return nullptr;
  }
  return loaded.emplace(path, std::move(made)).first->second;
}

}  // namespace tally::schedule
