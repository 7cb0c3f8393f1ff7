// SPDX-License-Identifier: BSD-3-Clause
#include "core/attributes.hpp"

#include <map>

#include "core/error.hpp"
#include "core/errors.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/runtime.hpp"

namespace tally::mpi {
namespace {

enum class Of { kComm, kType, kWin };
const char* name(Of of) {
  return of == Of::kComm ? "communicators" : of == Of::kType ? "datatypes" : "windows";
}

using AnyFunction = void (*)();

struct Keyval {
  Of of;
  AnyFunction copy;    ///< MPI_Comm_copy_attr_function or the like
  AnyFunction remove;  ///< MPI_Comm_delete_attr_function or the like
  void* extra_state;
  int attributes = 0;  ///< that exist
  bool freed = false;
};

constexpr int kFirstKeyval = 1000;  // above the predefined ones of both ABIs

/// Of the whole process; calls that reach it hold the library's lock where there are several threads.
struct Keyvals {
  std::map<int, Keyval> table;
  int next = kFirstKeyval;
};
Keyvals& keyvals() {
  static auto* const instance = new Keyvals();  // for what runs at the end of the process, too
  return *instance;
}

/// What the types of objects have in their own ways.
template <typename T>
struct Kinds;
template <>
struct Kinds<Comm> {
  using Handle = MPI_Comm;
  using Copy = MPI_Comm_copy_attr_function*;
  using Delete = MPI_Comm_delete_attr_function*;
  static constexpr Of kOf = Of::kComm;
  static bool copies_nothing(Copy copy) { return copy == MPI_COMM_NULL_COPY_FN; }
  static bool duplicates(Copy copy) { return copy == MPI_COMM_DUP_FN; }
  static bool deletes_nothing(Delete remove) { return remove == MPI_COMM_NULL_DELETE_FN; }
};
template <>
struct Kinds<Datatype> {
  using Handle = MPI_Datatype;
  using Copy = MPI_Type_copy_attr_function*;
  using Delete = MPI_Type_delete_attr_function*;
  static constexpr Of kOf = Of::kType;
  static bool copies_nothing(Copy copy) { return copy == MPI_TYPE_NULL_COPY_FN; }
  static bool duplicates(Copy copy) { return copy == MPI_TYPE_DUP_FN; }
  static bool deletes_nothing(Delete remove) { return remove == MPI_TYPE_NULL_DELETE_FN; }
};

/// A key that was freed is there, and can be used, as long as there are attributes of it.
Keyval& find_keyval(int keyval, Of of, const char* argument) {
  const auto found = keyvals().table.find(keyval);
  if (found == keyvals().table.end()) {
    if (keyval == MPI_KEYVAL_INVALID) fail(MPI_ERR_KEYVAL, "{} is MPI_KEYVAL_INVALID", argument);
    fail(MPI_ERR_KEYVAL, "{} {} is not a key that the program made", argument, keyval);
  }
  if (found->second.of != of) {
    fail(MPI_ERR_KEYVAL, "{} {} was made for {}, not for {}", argument, keyval, name(found->second.of),
         name(of));
  }
  return found->second;
}

int make_keyval(Of of, AnyFunction copy, AnyFunction remove, void* extra_state) {
  const int keyval = keyvals().next++;
  keyvals().table.emplace(keyval, Keyval{of, copy, remove, extra_state});
  return keyval;
}

void drop_if_unused(int keyval) {
  const auto found = keyvals().table.find(keyval);
  if (found != keyvals().table.end() && found->second.freed && found->second.attributes == 0)
    keyvals().table.erase(found);
}

void free_keyval(int* keyval, Of of, const char* argument) {
  if (keyval == nullptr) fail(MPI_ERR_ARG, "{} is NULL", argument);
  find_keyval(*keyval, of, argument).freed = true;  // again, while there are attributes: no effect
  drop_if_unused(*keyval);
  *keyval = MPI_KEYVAL_INVALID;
}

/// Throws the code of a callback that failed; the text tells whose it was.
void check_callback(int code, const char* which, int keyval) {
  if (code != MPI_SUCCESS)
    throw Error{code, fmt::format("the {} function of key {} returned {}", which, keyval, code), {}};
}

template <typename T>
std::size_t position(const T& object, int keyval) {
  const auto& entries = object.attributes.entries;
  std::size_t at = 0;
  while (at < entries.size() && entries[at].keyval != keyval) ++at;
  return at;
}

template <typename T>
void call_delete(T& object, const Attributes::Entry entry) {  // a copy: the callback may change the list
  using Kind = Kinds<T>;
  const Keyval keyval = keyvals().table.at(entry.keyval);
  const auto remove = reinterpret_cast<typename Kind::Delete>(keyval.remove);
  if (Kind::deletes_nothing(remove)) return;
  int code = MPI_SUCCESS;
  {
    const WithoutLock open;
    code = remove(handle(&object), entry.keyval, entry.value, keyval.extra_state);
  }
  check_callback(code, "delete", entry.keyval);
}

template <typename T>
void remove_attribute(T& object, int keyval) {
  // The callback may change the list.
  const std::size_t before = position(object, keyval);
  call_delete(object, object.attributes.entries[before]);
  const std::size_t at = position(object, keyval);
  auto& entries = object.attributes.entries;
  if (at == entries.size()) return;
  entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at));
  --keyvals().table.at(keyval).attributes;
  drop_if_unused(keyval);
}

template <typename T>
void set_attribute(T& object, int keyval, void* value, const char* argument) {
  find_keyval(keyval, Kinds<T>::kOf, argument);
  const std::size_t at = position(object, keyval);
  if (at < object.attributes.entries.size()) {
    call_delete(object, object.attributes.entries[at]);
    const std::size_t now = position(object, keyval);
    if (now < object.attributes.entries.size()) {
      object.attributes.entries[now].value = value;
      return;
    }
  }
  object.attributes.entries.push_back({keyval, value});
  ++find_keyval(keyval, Kinds<T>::kOf, argument).attributes;
}

template <typename T>
void delete_attribute(T& object, int keyval, const char* argument) {
  find_keyval(keyval, Kinds<T>::kOf, argument);
  if (position(object, keyval) == object.attributes.entries.size())
    fail(MPI_ERR_KEYVAL, "{} {}: the object has no attribute of this key", argument, keyval);
  remove_attribute(object, keyval);
}

template <typename T>
bool get_attribute(const T& object, int keyval, void* value, const char* argument) {
  find_keyval(keyval, Kinds<T>::kOf, argument);
  const std::size_t at = position(object, keyval);
  if (at == object.attributes.entries.size()) return false;
  *static_cast<void**>(value) = object.attributes.entries[at].value;
  return true;
}

template <typename T>
void delete_all(T& object) {
  while (!object.attributes.entries.empty())
    remove_attribute(object, object.attributes.entries.back().keyval);
}

template <typename T>
void copy_all(T& old, T& made) {
  using Kind = Kinds<T>;
  const std::vector<Attributes::Entry> entries = old.attributes.entries;
  for (const Attributes::Entry& entry : entries) {
    const Keyval keyval = keyvals().table.at(entry.keyval);
    const auto copy = reinterpret_cast<typename Kind::Copy>(keyval.copy);
    if (Kind::copies_nothing(copy)) continue;
    void* value = entry.value;
    if (!Kind::duplicates(copy)) {
      int flag = 0;
      int code = MPI_SUCCESS;
      {
        const WithoutLock open;
        code = copy(handle(&old), entry.keyval, keyval.extra_state, entry.value, &value, &flag);
      }
      if (code != MPI_SUCCESS) {
        try {
          delete_all(made);
        } catch (const Error&) {  // the first failure counts
          made.attributes.entries.clear();
        }
        check_callback(code, "copy", entry.keyval);
      }
      if (flag == 0) continue;
    }
    made.attributes.entries.push_back({entry.keyval, value});
    ++keyvals().table.at(entry.keyval).attributes;
  }
}

/// Of every communicator. *value is set to the address of an int.
bool predefined_attribute(int keyval, void* value) {
  static int tag_ub = TALLY_MAX_TAG;
  static int host = MPI_PROC_NULL;
  static int io = MPI_ANY_SOURCE;  // every process can use the files of its language
  static int wtime_is_global = 0;
  static int appnum = 0;
  static int universe_size = 0;
  int* found = nullptr;
  if (keyval == MPI_TAG_UB) found = &tag_ub;
  if (keyval == MPI_HOST) found = &host;
  if (keyval == MPI_IO) found = &io;
  if (keyval == MPI_WTIME_IS_GLOBAL) found = &wtime_is_global;
  if (keyval == MPI_APPNUM) found = &appnum;
  if (keyval == MPI_LASTUSEDCODE) found = last_used_code();
  if (keyval == MPI_UNIVERSE_SIZE) {
    universe_size = runtime.world->size;
    found = &universe_size;
  }
  if (found == nullptr) return false;
  if (value != nullptr) *static_cast<void**>(value) = found;
  return true;
}

void refuse_predefined(int keyval, const char* argument) {
  if (predefined_attribute(keyval, nullptr))
    fail(MPI_ERR_KEYVAL, "{} {} is predefined: the program cannot change it", argument, keyval);
}

void check_out(const void* pointer, const char* argument) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", argument);
}

template <typename F>
AnyFunction any(F* function) {
  return reinterpret_cast<AnyFunction>(function);
}

}  // namespace

void copy_attributes(Comm& old, Comm& made) { copy_all(old, made); }
void copy_attributes(Datatype& old, Datatype& made) { copy_all(old, made); }
void delete_attributes(Comm& comm) { delete_all(comm); }
void delete_attributes(Datatype& type) { delete_all(type); }

// --- communicators
// ------------------------------------------------------------------------------------------

void Comm_create_keyval(MPI_Comm_copy_attr_function* comm_copy_attr_fn,
                        MPI_Comm_delete_attr_function* comm_delete_attr_fn, int* comm_keyval,
                        void* extra_state) {
  check_out(comm_keyval, "comm_keyval");
  *comm_keyval = make_keyval(Of::kComm, any(comm_copy_attr_fn), any(comm_delete_attr_fn), extra_state);
}
void Comm_free_keyval(int* comm_keyval) { free_keyval(comm_keyval, Of::kComm, "comm_keyval"); }

void Comm_set_attr(MPI_Comm comm, int comm_keyval, void* attribute_val) {
  Comm& object = get_comm(comm);
  refuse_predefined(comm_keyval, "comm_keyval");
  set_attribute(object, comm_keyval, attribute_val, "comm_keyval");
}
void Comm_get_attr(MPI_Comm comm, int comm_keyval, void* attribute_val, int* flag) {
  const Comm& object = get_comm(comm);
  check_out(attribute_val, "attribute_val");
  check_out(flag, "flag");
  *flag = predefined_attribute(comm_keyval, attribute_val) ||
          get_attribute(object, comm_keyval, attribute_val, "comm_keyval");
}
void Comm_delete_attr(MPI_Comm comm, int comm_keyval) {
  Comm& object = get_comm(comm);
  refuse_predefined(comm_keyval, "comm_keyval");
  delete_attribute(object, comm_keyval, "comm_keyval");
}

// --- datatypes
// ----------------------------------------------------------------------------------------------

void Type_create_keyval(MPI_Type_copy_attr_function* type_copy_attr_fn,
                        MPI_Type_delete_attr_function* type_delete_attr_fn, int* type_keyval,
                        void* extra_state) {
  check_out(type_keyval, "type_keyval");
  *type_keyval = make_keyval(Of::kType, any(type_copy_attr_fn), any(type_delete_attr_fn), extra_state);
}
void Type_free_keyval(int* type_keyval) { free_keyval(type_keyval, Of::kType, "type_keyval"); }

void Type_set_attr(MPI_Datatype datatype, int type_keyval, void* attribute_val) {
  set_attribute(get_type(datatype), type_keyval, attribute_val, "type_keyval");
}
void Type_get_attr(MPI_Datatype datatype, int type_keyval, void* attribute_val, int* flag) {
  const Datatype& object = get_type(datatype);
  check_out(attribute_val, "attribute_val");
  check_out(flag, "flag");
  *flag = get_attribute(object, type_keyval, attribute_val, "type_keyval");
}
void Type_delete_attr(MPI_Datatype datatype, int type_keyval) {
  delete_attribute(get_type(datatype), type_keyval, "type_keyval");
}

// --- windows: keys can be made, but there is no window to put an attribute to
// --------------------------------

void Win_create_keyval(MPI_Win_copy_attr_function* win_copy_attr_fn,
                       MPI_Win_delete_attr_function* win_delete_attr_fn, int* win_keyval, void* extra_state) {
  check_out(win_keyval, "win_keyval");
  *win_keyval = make_keyval(Of::kWin, any(win_copy_attr_fn), any(win_delete_attr_fn), extra_state);
}
void Win_free_keyval(int* win_keyval) { free_keyval(win_keyval, Of::kWin, "win_keyval"); }

}  // namespace tally::mpi
