// SPDX-License-Identifier: BSD-3-Clause
// Algorithms from MSCCL XML files: what is read is proved, and computes what MPI says.
#include "schedule/msccl/import.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "schedule/msccl_files.hpp"
#include "schedule/reference.hpp"
#include "schedule/schedule.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

Schedule imported(const std::string& xml) {
  Imported out;
  std::string error;
  EXPECT_TRUE(import_msccl(xml, &out, &error)) << error << "\n" << xml;
  return out.schedule;
}

void expect_refused(const std::string& xml, const std::string& text) {
  Imported out;
  std::string error;
  EXPECT_FALSE(import_msccl(xml, &out, &error)) << "not refused: " << text << "\n" << xml;
  EXPECT_NE(error.find(text), std::string::npos) << error;
}

void expect_right(const Schedule& s, std::mt19937_64& random) {
  EXPECT_EQ(verify(s), "");
  EXPECT_EQ(s.max_bytes, 0u) << "any size";
  for (const bool in_place : {false, true}) {
    if (!(in_place ? s.in_place : s.out_of_place) || (s.collective == Collective::kBcast && !in_place))
      continue;
    EXPECT_EQ(run_and_check(s, in_place, random() % 200, random), "") << "in place " << in_place;
  }
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Msccl, programs_of_all_collectives_compute_them_for_any_number_of_ranks) {
  std::mt19937_64 random(seed(0x5eedb));
  for (int n = 2; n <= 9; ++n) {
    for (int k = 1; k <= 3; ++k) {
      SCOPED_TRACE(std::to_string(n) + " ranks, " + std::to_string(k));
      for (const std::string& xml :
           {xml_ring(n, k), xml_allpairs(n, k), xml_allgather(n, k), xml_alltoall(n, k),
            xml_alltoall_in_place(n), xml_reduce_scatter(n, k), xml_broadcast(n, k % n, 2 * k)})
        expect_right(imported(xml), random);
    }
  }
}

TEST(Msccl, ways_of_calling_are_those_of_the_file_and_the_other_one_where_it_is_proved) {
  Schedule s = imported(xml_allpairs(4, 1));
  EXPECT_TRUE(s.in_place);
  EXPECT_FALSE(s.out_of_place);
  s = imported(xml_alltoall(4, 1));
  EXPECT_FALSE(s.in_place);
  EXPECT_TRUE(s.out_of_place);
  // Said to be for calls out of place, but for its sums each stays where it is.
  s = imported(replaced(xml_ring(4, 1), "inplace=\"1\" ", "inplace=\"0\" "));
  EXPECT_TRUE(s.out_of_place);
  s = imported(replaced(xml_ring(4, 1), "inplace=\"1\" outofplace=\"1\"", "inplace=\"1\""));
  EXPECT_TRUE(s.in_place);
  EXPECT_TRUE(s.out_of_place);
  expect_refused(replaced(xml_allpairs(4, 1), "outofplace=\"0\"", "outofplace=\"1\""), "writes the buffer i");
  expect_refused(replaced(xml_ring(4, 1), "inplace=\"1\" outofplace=\"1\"", "inplace=\"0\" outofplace=\"0\""),
                 "line 1: inplace and outofplace are both 0");
  expect_refused(replaced(xml_reduce_scatter(3, 1), "inplace=\"0\" outofplace=\"1\"", "inplace=\"1\""),
                 "MPI has its result");
}

TEST(Msccl, more_thread_blocks_than_lanes_share_them) {
  for (const std::string& xml : {xml_allpairs(8, 4), xml_ring(4, 16), xml_alltoall(16, 1)}) {
    const Schedule s = imported(xml);
    for (const RankSchedule& rank : s.ranks) {
      EXPECT_LE(rank.lanes.size(), kMaxLanes);
      std::size_t most = 0;
      std::size_t least = ~std::size_t{0};
      for (const Lane& lane : rank.lanes) {
        most = std::max(most, lane.size());
        least = std::min(least, lane.size());
      }
      EXPECT_GE(4 * least, most) << "lanes share the work";
    }
  }
}

TEST(Msccl, messages_stay_whole_where_their_chunks_are_neighbours) {
  const auto sends_of = [](const Schedule& s) {
    std::size_t n = 0;
    for (const RankSchedule& rank : s.ranks) {
      for (const Lane& lane : rank.lanes)
        n += static_cast<std::size_t>(
            std::count_if(lane.begin(), lane.end(), [](const Instruction& i) { return sends(i.op); }));
    }
    return n;
  };
  EXPECT_EQ(sends_of(imported(xml_allgather(4, 3))), 12u);
  // Chunks 0 and 2 side by side in scratch, of which 2 is the short one.
  const XmlGpu from{
      3, 3, 2, {{1, -1, 0, {{"cpy", "i2", "s0"}, {"cpy", "i0", "s1"}, {"s", "s0", "", 2}, {"s", "i1", ""}}}}};
  const XmlGpu to{
      3, 3, 2, {{-1, 0, 0, {{"r", "", "s0", 2}, {"cpy", "s0", "o2"}, {"cpy", "s1", "o0"}, {"r", "", "o1"}}}}};
  const Schedule s = imported(xml_of("broadcast", 3, {from, to}));
  EXPECT_EQ(sends_of(s), 3u);
  std::mt19937_64 random(seed(0x5eedc));
  expect_right(s, random);
}

TEST(Msccl, attributes_that_older_files_leave_out_have_their_usual_meaning) {
  std::string xml = xml_ring(3, 1);
  for (const char* part :
       {" nchunksperloop=\"3\"", " ngpus=\"3\"", " inplace=\"1\" outofplace=\"1\"", " proto=\"Simple\""})
    xml = replaced(xml, part, part[1] == 'i' ? " inplace=\"1\"" : "");
  for (const char* part : {" cnt=\"1\"", " hasdep=\"0\"", " depid=\"-1\"", " deps=\"-1\""}) {
    for (std::size_t at = xml.find(part); at != std::string::npos; at = xml.find(part))
      xml.erase(at, std::string(part).size());
  }
  std::mt19937_64 random(seed(0x5eedd));
  expect_right(imported("<?xml version=\"1.0\"?>\n<!-- old -->\n" + xml), random);
}

TEST(Msccl, what_is_unknown_is_refused_with_its_line) {
  const std::string ring = xml_ring(3, 1);  // line 1 <algo>, 2 <gpu>, 3 <tb>, 4 to 8 steps, 9, 10, 11 <gpu>
  expect_refused("", "line 1: no XML: ");
  expect_refused("<algo>\n<gpu></algo>", "line 2: no XML: ");
  expect_refused("\n<schedule/>", "line 2: element <schedule>, not one <algo>");
  expect_refused(replaced(ring, "coll=\"allreduce\"", "coll=\"custom\""),
                 "line 1: coll=\"custom\" is no collective");
  expect_refused(replaced(ring, " coll=\"allreduce\"", ""), "line 1: <algo> has no attribute coll");
  expect_refused(replaced(ring, "ngpus=\"3\"", "ngpus=\"4\""), "line 1: ngpus is 4, and there are 3 <gpu>");
  expect_refused(replaced(ring, "ngpus=\"3\"", "ngpus=\"3x\""),
                 "line 1: ngpus=\"3x\" is not a number from 1 to 1024");
  expect_refused(replaced(ring, "proto=", "protocol="), "line 1: <algo> has an unknown attribute protocol");
  expect_refused(replaced(ring, "<gpu id=\"1\"", "<gpu id=\"0\""), "line 11: a second <gpu> of id 0");
  expect_refused(replaced(ring, "send=\"1\"", "send=\"3\""),
                 "line 3: send=\"3\" is not a number from -1 to 2");
  expect_refused(replaced(ring, "send=\"1\"", "send=\"0\""),
                 "line 3: a thread block that sends to or receives from its own");
  expect_refused(replaced(ring, "send=\"1\"", "send=\"-1\""),
                 "line 4: a step that sends, in a thread block without send");
  expect_refused(replaced(ring, "recv=\"2\"", "recv=\"-1\""),
                 "line 5: a step that receives, in a thread block without recv");
  expect_refused(replaced(ring, "type=\"rrcs\"", "type=\"rrcsx\""), "line 6: type=\"rrcsx\" is unknown");
  expect_refused(replaced(ring, "s=\"2\"", "s=\"3\""),
                 "line 6: s=\"3\" where step 2 of thread block 0 should be");
  expect_refused(replaced(ring, "<step s=\"1\"", "<wait/><step s=\"1\""),
                 "line 5: <tb> holds <wait>, not <step>");
  expect_refused(replaced(ring, "<step s=\"1\"", "then<step s=\"1\""), "line 3: <tb> holds text");
  expect_refused(replaced(ring, "srcbuf=\"i\"", "srcbuf=\"x\""), "line 4: srcbuf=\"x\" is none of i, o, s");
  expect_refused(replaced(ring, " srcoff=\"0\"", ""), "line 4: <step> has no attribute srcoff");
  expect_refused(replaced(ring, "srcoff=\"0\"", "srcoff=\"3\""),
                 "line 4: i[3] is out of range: the buffer has 3 chunks");
  expect_refused(replaced(ring, "cnt=\"1\"", "cnt=\"0\""),
                 "line 4: cnt=\"0\" is not a number from 1 to 65535");
  expect_refused(replaced(ring, "depid=\"-1\"", "depid=\"0\""), "line 4: depid without deps");
  expect_refused(replaced(ring, "depid=\"-1\" deps=\"-1\"", "depid=\"7\" deps=\"0\""),
                 "line 4: depid=\"7\": the gpu has no such");
  expect_refused(replaced(ring, "depid=\"-1\" deps=\"-1\"", "depid=\"0\" deps=\"9\""),
                 "line 4: deps=\"9\": thread block 0 has 5 steps");
  expect_refused(replaced(ring, "chan=\"0\"", "chan=\"1\""),
                 "sends to gpu 1 on channel 1, where no thread block receives");
  expect_refused(replaced(xml_allpairs(3, 1), "<tb id=\"1\" send=\"2\" recv=\"2\"",
                          "<tb id=\"1\" send=\"1\" recv=\"2\""),
                 "sends to gpu 1 on channel 0, as thread block 0 does");
  expect_refused(replaced(xml_alltoall(3, 1), "nchunksperloop=\"3\"", "nchunksperloop=\"4\""),
                 "line 1: alltoall of 4 chunks, which is no multiple of the 3 GPUs");
}

TEST(Msccl, programs_that_are_wrong_are_refused) {
  // Waits for itself.
  const std::string ring = xml_ring(3, 1);
  expect_refused(replaced(ring, "depid=\"-1\" deps=\"-1\"", "depid=\"0\" deps=\"3\""),
                 "line 4: never runs: it waits for step 3 of thread block 0");
  // Takes another chunk than comes.
  expect_refused(
      replaced(ring, "type=\"rrs\" srcbuf=\"i\" srcoff=\"2\"", "type=\"rrs\" srcbuf=\"i\" srcoff=\"0\""),
      "line 5: reduces different chunks of the vector with each other");
  // Reads what nobody wrote.
  expect_refused(replaced(ring, "type=\"rrs\" srcbuf=\"i\"", "type=\"rrs\" srcbuf=\"o\""),
                 "line 5: reads o[2], which nothing");
  // Lacks a contribution: passes on without adding.
  expect_refused(replaced(ring, "type=\"rrs\"", "type=\"rcs\""), "without the contribution of rank 0");
  // Sums in two thread blocks at once.
  expect_refused(replaced(xml_allpairs(3, 1), "depid=\"1\" deps=\"1\"", "depid=\"-1\" deps=\"-1\""),
                 "reads s[1], which nothing has");
  std::string racing = xml_reduce_scatter(4, 1);
  racing =
      replaced(racing, "srcbuf=\"o\" srcoff=\"0\" dstbuf=\"o\" dstoff=\"0\" cnt=\"1\" depid=\"1\" deps=\"1\"",
               "srcbuf=\"o\" srcoff=\"0\" dstbuf=\"o\" dstoff=\"0\" cnt=\"1\" depid=\"0\" deps=\"1\"");
  expect_refused(racing, "with a lane for each thread block: race: rank 0, lane 2, step 1");
  // What comes replaces what may still be sent, in place: each thread block sends before it receives, but not
  // before the other one does.
  std::string crossed = replaced(xml_alltoall(3, 1), "inplace=\"0\"", "inplace=\"1\"");
  crossed = replaced(crossed, "srcbuf=\"i\" srcoff=\"1\" dstbuf=\"o\" dstoff=\"0\"",
                     "srcbuf=\"i\" srcoff=\"2\" dstbuf=\"o\" dstoff=\"0\"");
  expect_refused(crossed, "race: rank 0, lane 2, step 1 (Recv) writes Output chunk 2");
}

TEST(Msccl, an_allreduce_whose_ranks_may_differ_in_bits_is_refused) {
  // Each rank adds what comes to its own: rank 2 gets (2 + 0) + 1, rank 0 (0 + 1) + 2.
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < 3; ++g) {
    XmlGpu gpu{1, 1, 2, {}};
    for (int peer = 0; peer < 3; ++peer) {
      if (peer == g) continue;
      const bool last = peer == 2 || (g == 2 && peer == 1);
      XmlBlock block{peer, peer, 0, {{"s", "i0", ""}}};
      if (last) {
        block.steps.push_back({"rrc", "o0", "o0", 1, 0, 1});
      } else {
        block.steps.push_back({"rrc", "i0", "o0"});
      }
      gpu.blocks.push_back(std::move(block));
    }
    gpus.push_back(std::move(gpu));
  }
  expect_refused(xml_of("allreduce", 1, gpus),
                 "combined in another association than rank 0's: the bits may differ");
}

TEST(Msccl, whatever_is_still_accepted_of_damaged_files_computes_what_mpi_says) {
  std::mt19937_64 random(seed(0x5eede));
  int accepted = 0, refused = 0;
  for (unsigned round = 0; round < 2000 * effort(); ++round) {
    const int n = 2 + static_cast<int>(random() % 3);
    const int k = 1 + static_cast<int>(random() % 2);
    const std::string all[] = {xml_ring(n, k),        xml_allpairs(n, k),       xml_allgather(n, k),
                               xml_alltoall(n, k),    xml_alltoall_in_place(n), xml_reduce_scatter(n, k),
                               xml_broadcast(n, 0, k)};
    std::string xml = all[random() % std::size(all)];
    // Other digits, types or buffers, somewhere.
    for (unsigned change = 0; change <= random() % 2; ++change) {
      std::size_t at = random() % xml.size();
      while (xml[at] < '0' || xml[at] > '9') at = (at + 1) % xml.size();
      switch (random() % 3) {
        case 0:
          xml[at] = static_cast<char>('0' + random() % 4);
          break;
        case 1:
          if (const std::size_t type = xml.find("type=\"", at); type != std::string::npos) {
            static const char* const kTypes[] = {"s", "r", "rrc", "rcs", "rrs", "rrcs", "re", "cpy", "nop"};
            const std::size_t begin = type + 6;
            xml.replace(begin, xml.find('"', begin) - begin, kTypes[random() % 9]);
          }
          break;
        default:
          if (const std::size_t buffer = xml.find("buf=\"", at); buffer != std::string::npos)
            xml[buffer + 5] = "ios"[random() % 3];
          break;
      }
    }
    Imported out;
    std::string error;
    if (!import_msccl(xml, &out, &error)) {
      EXPECT_NE(error, "");
      EXPECT_EQ(error.find(" lanes: "), std::string::npos)
          << "a program that was proved has a schedule: " << error << xml;
      ++refused;
      continue;
    }
    ++accepted;
    expect_right(out.schedule, random);
    if (HasFailure()) FAIL() << "round " << round << "\n" << xml;
  }
  std::printf("%d accepted, %d refused\n", accepted, refused);
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 300);
}

TEST(Msccl, sixty_four_ranks_are_read_and_proved_soon) {
  for (const std::string& xml : {xml_ring(64, 1), xml_allpairs(64, 1), xml_alltoall(64, 1)}) {
    const Schedule s = imported(xml);
    EXPECT_EQ(s.ranks.size(), 64u);
  }
}

TEST(Msccl, files_are_algorithms_that_select_takes_by_their_path) {
  const std::string path = TALLY_SAMPLES "/allgather4.xml";
  Schedule s;
  std::string error;
  Call call{.collective = Collective::kAllgather, .ranks = 4, .bytes = 4 * 320};
  ASSERT_TRUE(select(call, path, &s, &error)) << error;
  EXPECT_EQ(s.algorithm.substr(0, 10), "allgather@");
  EXPECT_EQ(s.block_chunks, 2);
  EXPECT_EQ(verify(s), "");
  const std::uint32_t key = select_key(call, path);
  const auto refuses = [&](const char* text) {
    EXPECT_FALSE(select(call, path, &s, &error));
    EXPECT_NE(error.find(text), std::string::npos) << error;
    EXPECT_NE(select_key(call, path), key) << text;
  };
  call.bytes = 4 * 328;
  refuses("takes blocks of multiples of 32 bytes, not 328");
  call.bytes = 4 * 320;
  call.in_place = true;
  refuses("is for calls out of place only");
  call.in_place = false;
  call.by_counts = true;
  refuses("takes only blocks of one size");
  call.by_counts = false;
  call.ranks = 5;
  EXPECT_FALSE(select(call, path, &s, &error));
  EXPECT_NE(error.find("is for 4 ranks, not 5"), std::string::npos) << error;
  call.collective = Collective::kAllreduce;
  EXPECT_FALSE(select(call, path, &s, &error));
  EXPECT_NE(error.find("is one of allgather, not of allreduce"), std::string::npos) << error;
  EXPECT_FALSE(select(call, "/no/such.xml", &s, &error));
  EXPECT_EQ(error, "file '/no/such.xml' cannot be read");
}

TEST(Msccl, different_files_are_different_algorithms) {
  EXPECT_NE(signature(imported(xml_ring(4, 1))),
            signature(imported(replaced(xml_ring(4, 1), "Simple", "LL"))));
}

}  // namespace
}  // namespace tally::test
