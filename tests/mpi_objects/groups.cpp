// SPDX-License-Identifier: BSD-3-Clause
// Groups, attributes, info objects.
#include <algorithm>

#include "program.hpp"

namespace test {

namespace {

MPI_Group world_group() {
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Comm_group(MPI_COMM_WORLD, &group);
  return group;
}

void expect_ranks(MPI_Group group, const std::vector<int>& wanted, const char* what) {
  int count = -1, own = -1;
  MPI_Group_size(group, &count);
  MPI_Group_rank(group, &own);
  expect(count == static_cast<int>(wanted.size()), "%s: size %d", what, count);
  const std::vector<int> got = ranks_of_group(group);
  expect(got == wanted, "%s: wrong ranks", what);
  const auto place = std::find(wanted.begin(), wanted.end(), rank);
  const int wanted_rank = place == wanted.end() ? MPI_UNDEFINED : static_cast<int>(place - wanted.begin());
  expect(own == wanted_rank, "%s: rank %d", what, own);
  digest(got);
}

}  // namespace

void groups() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  MPI_Group all = world_group();
  std::vector<int> everyone, evens, odds, reversed;
  for (int i = 0; i < size; ++i) {
    everyone.push_back(i);
    (i % 2 == 0 ? evens : odds).push_back(i);
    reversed.insert(reversed.begin(), i);
  }
  expect_ranks(all, everyone, "the group of MPI_COMM_WORLD");
  MPI_Group even = MPI_GROUP_NULL, odd = MPI_GROUP_NULL, back = MPI_GROUP_NULL, made = MPI_GROUP_NULL;
  MPI_Group_incl(all, static_cast<int>(evens.size()), evens.data(), &even);
  MPI_Group_excl(all, static_cast<int>(evens.size()), evens.data(), &odd);
  MPI_Group_incl(all, size, reversed.data(), &back);
  expect_ranks(even, evens, "MPI_Group_incl");
  expect_ranks(odd, odds, "MPI_Group_excl");
  expect_ranks(back, reversed, "MPI_Group_incl in another order");

  std::vector<int> sum = odds;
  sum.insert(sum.end(), evens.begin(), evens.end());
  MPI_Group_union(odd, even, &made);
  expect_ranks(made, sum, "MPI_Group_union");
  int result = -1;
  MPI_Group_compare(made, all, &result);
  expect(result == (size <= 1 ? MPI_IDENT : MPI_SIMILAR), "union compared: %d", result);
  MPI_Group_free(&made);
  MPI_Group_intersection(back, even, &made);
  std::vector<int> even_back(evens.rbegin(), evens.rend());
  expect_ranks(made, even_back, "MPI_Group_intersection takes the order of the first");
  MPI_Group_free(&made);
  MPI_Group_intersection(odd, even, &made);
  expect(made == MPI_GROUP_EMPTY, "an empty intersection is not MPI_GROUP_EMPTY");
  MPI_Group_free(&made);
  MPI_Group_difference(back, even, &made);
  std::vector<int> odd_back(odds.rbegin(), odds.rend());
  expect_ranks(made, odd_back, "MPI_Group_difference");
  MPI_Group_free(&made);
  MPI_Group_compare(even, odd, &result);
  expect(result == MPI_UNEQUAL, "evens and odds compare as %d", result);
  MPI_Group_compare(all, all, &result);
  expect(result == MPI_IDENT, "a group compares with itself as %d", result);

  int ranges[2][3] = {{size - 1, 0, -2}, {0, 0, 1}};
  MPI_Group_range_incl(all, 1, ranges, &made);
  std::vector<int> strided;
  for (int i = size - 1; i >= 0; i -= 2) strided.push_back(i);
  expect_ranks(made, strided, "MPI_Group_range_incl with a negative stride");
  MPI_Group_free(&made);
  MPI_Group_range_excl(all, 1, ranges, &made);
  std::vector<int> rest;
  for (int i = 0; i < size; ++i) {
    if (std::find(strided.begin(), strided.end(), i) == strided.end()) rest.push_back(i);
  }
  expect_ranks(made, rest, "MPI_Group_range_excl");
  MPI_Group_free(&made);

  std::vector<int> from = everyone, to(static_cast<std::size_t>(size) + 1);
  from.push_back(MPI_PROC_NULL);
  MPI_Group_translate_ranks(all, size + 1, from.data(), even, to.data());
  for (int i = 0; i < size; ++i)
    expect(to[static_cast<std::size_t>(i)] == (i % 2 == 0 ? i / 2 : MPI_UNDEFINED),
           "rank %d is translated wrongly", i);
  expect(to.back() == MPI_PROC_NULL, "MPI_PROC_NULL is translated to %d", to.back());

  const int beyond = size, twice[2] = {0, 0};
  int bad_range[1][3] = {{0, size, 1}};
  int no_stride[1][3] = {{0, 0, 0}};
  EXPECT_ERROR(MPI_Group_incl(all, 1, &beyond, &made), MPI_ERR_RANK, "MPI_Group_incl of a rank beyond");
  EXPECT_ERROR(MPI_Group_incl(all, 2, twice, &made), MPI_ERR_RANK, "MPI_Group_incl of a rank twice");
  EXPECT_ERROR(MPI_Group_range_incl(all, 1, bad_range, &made), MPI_ERR_RANK, "MPI_Group_range_incl beyond");
  EXPECT_ERROR(MPI_Group_range_incl(all, 1, no_stride, &made), MPI_ERR_ARG,
               "MPI_Group_range_incl with stride 0");
  EXPECT_ERROR(MPI_Group_size(MPI_GROUP_NULL, &result), MPI_ERR_GROUP, "size of MPI_GROUP_NULL");
  MPI_Group_free(&even);
  MPI_Group_free(&odd);
  MPI_Group_free(&back);
  MPI_Group_free(&all);
  expect(all == MPI_GROUP_NULL, "MPI_Group_free leaves its handle");
}

// --- attributes
// ---------------------------------------------------------------------------------------------

namespace {

std::vector<int> deleted;
int copies = 0;
int refuse_delete = 0;

int copy_plus_one(MPI_Comm, int, void* extra, void* in, void* out, int* flag) {
  ++copies;
  expect(*static_cast<int*>(extra) == 42, "extra_state of the copy function");
  *static_cast<void**>(out) = static_cast<char*>(in) + 1;
  *flag = 1;
  return MPI_SUCCESS;
}
int copy_nothing(MPI_Comm, int, void*, void*, void*, int* flag) {
  ++copies;
  *flag = 0;
  return MPI_SUCCESS;
}
int copy_fails(MPI_Comm, int, void*, void*, void*, int*) { return MPI_ERR_OTHER; }
int note_delete(MPI_Comm, int keyval, void*, void* extra) {
  if (refuse_delete != 0) return MPI_ERR_OTHER;
  (void)keyval;
  deleted.push_back(*static_cast<int*>(extra));
  return MPI_SUCCESS;
}
int note_type_delete(MPI_Datatype, int, void*, void* extra) {
  deleted.push_back(*static_cast<int*>(extra));
  return MPI_SUCCESS;
}

char storage[16];

}  // namespace

void attributes() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  int flag = 0;
  int* value = nullptr;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &value, &flag);
  expect(flag != 0 && *value >= 32767, "MPI_TAG_UB");
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_IO, &value, &flag);
  expect(flag != 0, "MPI_IO");
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_WTIME_IS_GLOBAL, &value, &flag);
  expect(flag != 0 && (*value == 0 || *value == 1), "MPI_WTIME_IS_GLOBAL");
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_UNIVERSE_SIZE, &value, &flag);
  expect(flag == 0 || *value > 0, "MPI_UNIVERSE_SIZE");

  int extra = 42;
  int numbers[3] = {1, 2, 3};
  int plus = MPI_KEYVAL_INVALID, none = MPI_KEYVAL_INVALID, same = MPI_KEYVAL_INVALID,
      nothing = MPI_KEYVAL_INVALID;
  MPI_Comm_create_keyval(copy_plus_one, MPI_COMM_NULL_DELETE_FN, &plus, &extra);
  MPI_Comm_create_keyval(copy_nothing, note_delete, &none, &numbers[0]);
  MPI_Comm_create_keyval(MPI_COMM_DUP_FN, note_delete, &same, &numbers[1]);
  MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, note_delete, &nothing, &numbers[2]);
  MPI_Comm comm = MPI_COMM_NULL, copy = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  void* got = nullptr;
  MPI_Comm_get_attr(comm, plus, &got, &flag);
  expect(flag == 0, "an attribute that was never set is there");
  MPI_Comm_set_attr(comm, plus, &storage[0]);
  MPI_Comm_set_attr(comm, none, &storage[4]);
  MPI_Comm_set_attr(comm, same, &storage[8]);
  MPI_Comm_set_attr(comm, nothing, &storage[12]);
  MPI_Comm_dup(comm, &copy);
  expect(copies == 2, "%d copy functions were called", copies);
  MPI_Comm_get_attr(copy, plus, &got, &flag);
  expect(flag != 0 && got == &storage[1], "the copy function's value is not there");
  MPI_Comm_get_attr(copy, none, &got, &flag);
  expect(flag == 0, "an attribute that was not to be copied is there");
  MPI_Comm_get_attr(copy, same, &got, &flag);
  expect(flag != 0 && got == &storage[8], "MPI_COMM_DUP_FN");
  MPI_Comm_get_attr(copy, nothing, &got, &flag);
  expect(flag == 0, "MPI_COMM_NULL_COPY_FN");

  deleted.clear();
  MPI_Comm_set_attr(copy, same, &storage[9]);  // the old value goes by the delete function
  expect(deleted == std::vector<int>{2}, "setting an attribute again deletes the old value");
  MPI_Comm_delete_attr(copy, same);
  expect(deleted == (std::vector<int>{2, 2}), "MPI_Comm_delete_attr");
  MPI_Comm_free(&copy);
  deleted.clear();
  const int key_before = same;
  MPI_Comm_free_keyval(&same);
  expect(same == MPI_KEYVAL_INVALID, "MPI_Comm_free_keyval leaves its key");
  // Its attributes stay, and can be got by it as long as they do.
  MPI_Comm_get_attr(comm, key_before, &got, &flag);
  expect(flag != 0 && got == &storage[8], "an attribute is gone with its key");
  refuse_delete = 1;
  EXPECT_ERROR(MPI_Comm_delete_attr(comm, none), 0, "MPI_Comm_delete_attr when the delete function fails");
  refuse_delete = 0;
  MPI_Comm_get_attr(comm, none, &got, &flag);
  expect(flag != 0 && got == &storage[4], "an attribute whose deletion failed is gone");
  MPI_Comm_free(&comm);
  std::sort(deleted.begin(), deleted.end());
  expect(deleted == (std::vector<int>{1, 2, 3}), "MPI_Comm_free called %d delete functions",
         static_cast<int>(deleted.size()));

  int failing = MPI_KEYVAL_INVALID;
  MPI_Comm_create_keyval(copy_fails, MPI_COMM_NULL_DELETE_FN, &failing, nullptr);
  MPI_Comm_dup(MPI_COMM_SELF, &comm);
  MPI_Comm_set_attr(comm, failing, nullptr);
  EXPECT_ERROR(MPI_Comm_dup(comm, &copy), MPI_ERR_OTHER, "MPI_Comm_dup when a copy function fails");
  MPI_Comm_free(&comm);
  MPI_Comm_free_keyval(&failing);

  EXPECT_ERROR(MPI_Comm_set_attr(MPI_COMM_WORLD, MPI_TAG_UB, nullptr), 0, "setting MPI_TAG_UB");
  EXPECT_ERROR(MPI_Comm_set_attr(MPI_COMM_WORLD, MPI_KEYVAL_INVALID, nullptr), MPI_ERR_KEYVAL,
               "an invalid key");
  int type_key = MPI_KEYVAL_INVALID;
  MPI_Type_create_keyval(MPI_TYPE_DUP_FN, note_type_delete, &type_key, &numbers[0]);
  EXPECT_ERROR(MPI_Comm_set_attr(MPI_COMM_WORLD, type_key, nullptr), MPI_ERR_KEYVAL, "a key of datatypes");
  MPI_Datatype type = MPI_DATATYPE_NULL, twin = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(3, MPI_INT, &type);
  MPI_Type_set_attr(type, type_key, &storage[3]);
  MPI_Type_dup(type, &twin);
  MPI_Type_get_attr(twin, type_key, &got, &flag);
  expect(flag != 0 && got == &storage[3], "MPI_Type_dup copies attributes");
  deleted.clear();
  MPI_Type_free(&type);
  MPI_Type_delete_attr(twin, type_key);
  MPI_Type_free(&twin);
  expect(deleted == (std::vector<int>{1, 1}), "delete functions of a datatype's attributes");
  MPI_Type_free_keyval(&type_key);
  MPI_Comm_free_keyval(&plus);
  MPI_Comm_free_keyval(&none);
  MPI_Comm_free_keyval(&nothing);
}

// --- info objects
// -------------------------------------------------------------------------------------------

void infos() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  MPI_Info info = MPI_INFO_NULL, copy = MPI_INFO_NULL;
  MPI_Info_create(&info);
  MPI_Info_set(info, "first", "1");
  MPI_Info_set(info, "second", "two and a half");
  MPI_Info_set(info, "first", "one");
  int count = 0, length = 0, flag = 0;
  MPI_Info_get_nkeys(info, &count);
  expect(count == 2, "%d keys", count);
  char value[64] = "untouched", key[MPI_MAX_INFO_KEY];
  MPI_Info_get(info, "first", 63, value, &flag);
  expect(flag != 0 && std::string(value) == "one", "value '%s'", value);
  MPI_Info_get(info, "second", 3, value, &flag);
  expect(flag != 0 && std::string(value) == "two", "cut value '%s'", value);
  MPI_Info_get_valuelen(info, "second", &length, &flag);
  expect(flag != 0 && length == 14, "length %d", length);
  MPI_Info_get(info, "third", 63, value, &flag);
  expect(flag == 0 && std::string(value) == "two", "a key that is not there");
  MPI_Info_get_nthkey(info, 0, key);
  expect(std::string(key) == "first" || std::string(key) == "second", "key '%s'", key);
  MPI_Info_dup(info, &copy);
  MPI_Info_delete(info, "first");
  MPI_Info_get_nkeys(info, &count);
  expect(count == 1, "%d keys behind MPI_Info_delete", count);
  MPI_Info_get(copy, "first", 63, value, &flag);
  expect(flag != 0 && std::string(value) == "one", "a copy changes with the original");
#if MPI_VERSION >= 4
  length = 0;
  MPI_Info_get_string(copy, "second", &length, value, &flag);
  expect(flag != 0 && length == 15 && std::string(value) == "one", "MPI_Info_get_string of length 0: %d",
         length);
  length = 4;
  MPI_Info_get_string(copy, "second", &length, value, &flag);
  expect(flag != 0 && length == 15 && std::string(value) == "two", "MPI_Info_get_string cut: '%s'", value);
  MPI_Info env = MPI_INFO_NULL;
  MPI_Info_create_env(0, nullptr, &env);
  MPI_Info_free(&env);
#endif
  const std::string long_key(MPI_MAX_INFO_KEY + 1, 'k'), long_value(MPI_MAX_INFO_VAL + 1, 'v');
  EXPECT_ERROR(MPI_Info_set(copy, long_key.c_str(), "v"), MPI_ERR_INFO_KEY, "a key that is too long");
  EXPECT_ERROR(MPI_Info_set(copy, "k", long_value.c_str()), MPI_ERR_INFO_VALUE, "a value that is too long");
  EXPECT_ERROR(MPI_Info_delete(copy, "third"), MPI_ERR_INFO_NOKEY, "deleting a key that is not there");
  EXPECT_ERROR(MPI_Info_get_nkeys(MPI_INFO_NULL, &count), MPI_ERR_INFO, "keys of MPI_INFO_NULL");
  EXPECT_ERROR(MPI_Info_get_nthkey(copy, 2, key), MPI_ERR_ARG, "key 2 of 2");
  MPI_Info_get_nkeys(MPI_INFO_ENV, &count);
  MPI_Info_free(&info);
  MPI_Info_free(&copy);
  expect(info == MPI_INFO_NULL, "MPI_Info_free leaves its handle");

  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Info_create(&info);
  MPI_Info_set(info, "mpi_assert_no_any_tag", "true");
  MPI_Comm_dup_with_info(MPI_COMM_WORLD, info, &comm);
  MPI_Comm_set_info(comm, info);
  MPI_Comm_get_info(comm, &copy);
  expect(copy != MPI_INFO_NULL, "MPI_Comm_get_info gives none");
  MPI_Info_free(&copy);
  MPI_Info_free(&info);
  MPI_Comm_free(&comm);
}

}  // namespace test
