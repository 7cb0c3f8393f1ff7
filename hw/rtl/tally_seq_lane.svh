// SPDX-License-Identifier: BSD-3-Clause
// Inside tally_seq_step and tally_seq_lane, which declare AddrW, LaneW and RankW: what a lane knows,
// its next instruction, and what visit 1 finds out about both.

  typedef struct packed {
    // Program: next entry to fetch, instructions left in the pass, its first byte and number.
    logic [AddrW-1:0] pc;
    logic [15:0]      left;
    logic [31:0]      base;
    logic [15:0]      pass;
    logic             asked;
    // Next instruction: looked at; its bank, bytes not granted, operand reads that go ahead.
    logic             n_known;
    logic             n_bank;
    logic [31:0]      n_ungranted;
    logic [63:0]      na_addr;
    logic [31:0]      na_left;
    logic             na_any;
    // Present instruction.
    logic             valid;
    logic             going;
    logic             recv;
    logic             send;
    logic             read;
    logic             write;
    logic             reduce;
    logic             local_op;
    logic             dep;
    logic [LaneW-1:0] dep_lane;
    logic [15:0]      dep_step;
    logic [15:0]      p_pass;
    logic [RankW-1:0] send_peer;
    logic [LaneW-1:0] send_lane;
    logic [RankW-1:0] recv_peer;
    logic [63:0]      rd_addr;
    logic [31:0]      rd_left;
    logic [63:0]      rd2_addr;     // of dst, for Reduce
    logic             rd_second;    // the next read of a pair is src
    logic [63:0]      dst;
    logic [31:0]      bytes;        // left
    logic [22:0]      number;
    logic             dirty;
    logic             single;
    logic             is_short;
    logic             bank;
    logic             src_fwd;
    logic             dst_fwd;
    logic             src_inline;
    logic             src_reuse;
    logic [3:0]       inline_at;
    logic             hazard;
    logic [7:0]       hazard_at;
    logic [31:0]      ungranted;
    // Lane.
    logic [1:0]       op_wr;        // next operand slot to fill
    logic [1:0]       op_rd;        // next operand slot to use
    logic             last_bank;
    logic [3:0]       taken0;       // packets taken of each bank, modulo 16
    logic [3:0]       taken1;
    logic [3:0]       granted0;     // credits granted for each bank, modulo 16
    logic [3:0]       granted1;
    logic             fwd_ok;
    logic [63:0]      fwd_addr;
    logic [12:0]      fwd_len;
    logic             last_ok;      // the last single operand read
    logic             last_dirty;
    logic [63:0]      last_addr;
    logic [12:0]      last_len;
    logic [1:0]       tick;         // 0 not short of credits, 1 so since tick_at, 2 peer was asked
    logic [1:0]       tick_at;
  } lane_t;
  localparam int unsigned LaneBits = 774;

  typedef struct packed {
    logic             from_inline;
    logic [3:0]       inline_at;
    logic             dirty;
    logic             is_short;
    logic [31:0]      bytes;
    logic [63:0]      dst;
    logic [63:0]      src;
    logic [RankW-1:0] recv_peer;
    logic [LaneW-1:0] send_lane;
    logic [RankW-1:0] send_peer;
    logic [15:0]      dep_step;
    logic [LaneW-1:0] dep_lane;
    logic             dep;
    logic             local_op;
    logic             reduce;
    logic             write;
    logic             read;
    logic             send;
    logic             recv;
    logic             fault;
  } next_t;
  localparam int unsigned NextBits = 203;

  // Of the present instruction unless its name begins with n.
  typedef struct packed {
    logic        dep_ok;        // its dependency holds
    logic        nothing;       // it moves nothing
    logic        last;          // its next packet is its last one
    logic        write;         // that packet is written
    logic [12:0] len;           // bytes of that packet
    logic        use_slot;      // its operand stands in slot slot_a
    logic        use_pair;      // and dst in the slot behind it
    logic [1:0]  slot_a;
    logic        job;           // it goes on once the other side and the rooms allow it
    logic        hazard_over;   // the writes that it waits for are answered
    logic        rd_any;        // it has more to read
    logic        rd_dst;        // of that dst comes next
    logic        rd_now;        // it may read
    logic        n_ahead;       // else the next one may read
    logic        n_waits;       // else the next one may when all writes are answered
    logic        rd_free;       // the operand slot is free
    logic [63:0] rd_addr;
    logic [12:0] rd_len;
    logic        src_hit;       // the next one's src was just written by this lane
    logic        dst_hit;       // its dst was
    logic        last_hit;      // its src was read last
    logic        grant_any;     // credits can be granted,
    logic        grant_next;    // for the next instruction,
    logic [3:0]  grant;         // so many
    logic        more_passes;
  } terms_t;
  localparam int unsigned TermBits = 116;
