// SPDX-License-Identifier: BSD-3-Clause
// A client of PMIx through libpmix, which is loaded when a PMIx launcher has started the process: no other
// program needs it.
#include <dlfcn.h>
#include <fmt/format.h>
#include <pmix.h>

#include <array>
#include <cstring>

#include "job/job.hpp"
#include "job/launcher.hpp"
#include "job/pmi_socket.hpp"

namespace tally::job {
namespace {

struct Library {
  decltype(&PMIx_Init) init = nullptr;
  decltype(&PMIx_Finalize) finalize = nullptr;
  decltype(&PMIx_Put) put = nullptr;
  decltype(&PMIx_Commit) commit = nullptr;
  decltype(&PMIx_Fence) fence = nullptr;
  decltype(&PMIx_Get) get = nullptr;
  decltype(&PMIx_Error_string) error_string = nullptr;
};

template <typename Function>
void find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(::dlsym(library, name));
  if (*function == nullptr) throw Error(fmt::format("pmix: libpmix has no {}", name));
}

Library load() {
  // It stays loaded: it has threads of its own.
  void* library = ::dlopen("libpmix.so.2", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    throw Error(fmt::format("pmix: {}; TALLY_LAUNCHER=none runs this process alone", ::dlerror()));
  }
  Library functions;
  find(library, "PMIx_Init", &functions.init);
  find(library, "PMIx_Finalize", &functions.finalize);
  find(library, "PMIx_Put", &functions.put);
  find(library, "PMIx_Commit", &functions.commit);
  find(library, "PMIx_Fence", &functions.fence);
  find(library, "PMIx_Get", &functions.get);
  find(library, "PMIx_Error_string", &functions.error_string);
  return functions;
}

class Pmix final : public Launcher {
 public:
  Pmix() : pmix_(load()) {
    pmix_proc_t self{};
    check(pmix_.init(&self, nullptr, 0), "PMIx_Init");
    job_ = self;
    job_.rank = PMIX_RANK_WILDCARD;
    rank_ = static_cast<int>(self.rank);
    pmix_value_t* value = nullptr;
    check(pmix_.get(&job_, PMIX_JOB_SIZE, nullptr, 0, &value), "PMIx_Get of the number of ranks");
    const std::uint32_t size = value->type == PMIX_UINT32 ? value->data.uint32 : 0;
    std::free(value);  // holds nothing but the number
    if (size < 1 || size > 1u << 20 || rank_ < 0 || rank_ >= static_cast<int>(size)) {
      throw Error(fmt::format("pmix: the launcher says rank {} of {}", rank_, size));
    }
    size_ = static_cast<int>(size);
  }
  const char* name() const noexcept override { return "pmix"; }
  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::vector<std::string> exchange(std::string_view mine) override {
    const unsigned round = round_++;
    std::string text = "x" + to_hex(mine);
    pmix_value_t value{};
    value.type = PMIX_STRING;
    value.data.string = text.data();  // copied
    check(pmix_.put(PMIX_GLOBAL, exchange_key(round, rank_).c_str(), &value), "PMIx_Put");
    check(pmix_.commit(), "PMIx_Commit");
    pmix_info_t collect{};
    std::strncpy(collect.key, PMIX_COLLECT_DATA, PMIX_MAX_KEYLEN);
    collect.value.type = PMIX_BOOL;
    collect.value.data.flag = true;
    check(pmix_.fence(&job_, 1, &collect, 1), "PMIx_Fence");
    std::vector<std::string> all(static_cast<std::size_t>(size_));
    for (int rank = 0; rank < size_; ++rank) {
      std::string& one = all[static_cast<std::size_t>(rank)];
      if (rank == rank_) {
        one = mine;
        continue;
      }
      pmix_proc_t peer = job_;
      peer.rank = static_cast<pmix_rank_t>(rank);
      pmix_value_t* found = nullptr;
      check(pmix_.get(&peer, exchange_key(round, rank).c_str(), nullptr, 0, &found),
            fmt::format("PMIx_Get from rank {}", rank).c_str());
      const std::string read =
          found->type == PMIX_STRING && found->data.string != nullptr ? found->data.string : "";
      if (found->type == PMIX_STRING) std::free(found->data.string);
      std::free(found);
      if (read.empty() || read[0] != 'x' || !from_hex(std::string_view(read).substr(1), &one)) {
        throw Error(fmt::format("pmix: the value of rank {} is damaged: '{}'", rank, read));
      }
    }
    return all;
  }

  void finish() noexcept override { (void)pmix_.finalize(nullptr, 0); }

 private:
  void check(pmix_status_t status, const char* call) const {
    if (status == PMIX_SUCCESS) return;
    throw Error(fmt::format("pmix: {}: {} ({}); TALLY_LAUNCHER=none runs this process alone", call,
                            pmix_.error_string(status), status));
  }

  Library pmix_;
  pmix_proc_t job_{};
  int rank_ = 0;
  int size_ = 1;
  unsigned round_ = 0;
};

}  // namespace

bool have_pmix() noexcept { return true; }

std::unique_ptr<Launcher> connect_pmix() { return std::make_unique<Pmix>(); }

}  // namespace tally::job
