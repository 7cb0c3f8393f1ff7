// SPDX-License-Identifier: BSD-3-Clause
// Rendezvous of the receiver: jobs that READ a matched message into its buffer, then Fin and
// completion.
//
// Matched rendezvous wait in tally_rndv_queue for one of RendezvousJobs jobs; one peer has at most
// PeerJobs of them, so that a peer that does not answer holds up no other. A job asks
// tally_read_req for min(message, room) bytes; the region of the receive is checked at each packet
// and a refused one and all after it are discarded. When tally_read_req reports the end, Fin and
// completion go out, each once and neither waiting for the other. Nothing to read: both at once.
// Ordering: jobs of a peer start in the order they were matched; they end in any order. The
// completion is offered after the last data handshake of the job's writes.
// Latency: 5 cycles from match to job. Throughput: a job each 3 cycles; one beat a cycle and 2
// cycles more for each packet.
// Storage: 256 * 468 bits of queue, 16 * 452 bits of jobs.
// Ready path: wr_data_ready_i to beat_ready_o.
// Limitations: Fin names RetryExceeded when the READ was given up.
`default_nettype none
`include "tally_assert.svh"

module tally_rndv #(
  parameter int unsigned PeerJobs = 6,
  localparam int unsigned MatchedW = 451,
  localparam int unsigned JobW = $clog2(tally_pkg::RendezvousJobs)
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,

  // rank of each endpoint
  input  wire logic [4*4-1:0]      rank_i,

  // endpoints whose completions have room (tally_cq): jobs of others wait
  input  wire logic [3:0]          cq_ok_i,

  // matched rendezvous from tally_msg_rx (receive was posted) and tally_cmd (message was
  // unexpected, or Fetch); layout: docs/device.md, "Message path"
  input  wire logic                rx_valid_i,
  output      logic                rx_ready_o,
  input  wire logic [MatchedW-1:0] rx_data_i,
  input  wire logic                cmd_valid_i,
  output      logic                cmd_ready_o,
  input  wire logic [MatchedW-1:0] cmd_data_i,
  input  wire logic                cmd_unexpected_i,

  // jobs, data and ends: tally_read_req
  output      logic                job_valid_o,
  input  wire logic                job_ready_i,
  output      logic [JobW-1:0]     job_id_o,
  output      logic [7:0]          job_qp_o,
  output      logic [63:0]         job_addr_o,
  output      logic [31:0]         job_key_o,
  output      logic [31:0]         job_len_o,
  input  wire logic                dat_valid_i,
  output      logic                dat_ready_o,
  input  wire logic [JobW-1:0]     dat_job_i,
  input  wire logic [31:0]         dat_offset_i,
  input  wire logic [12:0]         dat_bytes_i,
  input  wire logic                beat_valid_i,
  output      logic                beat_ready_o,
  input  wire logic [511:0]        beat_data_i,
  input  wire logic                end_valid_i,
  output      logic                end_ready_o,
  input  wire logic [JobW-1:0]     end_job_i,
  input  wire logic [7:0]          end_status_i,

  // look-up e of tally_mr (combinational)
  output      logic [1:0]          mr_ep_o,
  output      logic [31:0]         mr_key_o,
  output      logic [63:0]         mr_addr_o,
  output      logic [31:0]         mr_len_o,
  input  wire logic                mr_ok_i,

  // tally_dma_wr client 1
  output      logic                wr_cmd_valid_o,
  input  wire logic                wr_cmd_ready_i,
  output      logic [63:0]         wr_cmd_addr_o,
  output      logic [12:0]         wr_cmd_len_o,
  output      logic                wr_data_valid_o,
  input  wire logic                wr_data_ready_i,
  output      logic [511:0]        wr_data_o,

  // Fin: one header beat
  output      logic                fin_valid_o,
  input  wire logic                fin_ready_i,
  output      logic [511:0]        fin_data_o,
  output      logic                fin_last_o,
  output      logic [1:0]          fin_ep_o,

  output      logic                cpl_valid_o,
  input  wire logic                cpl_ready_i,
  output      logic [255:0]        cpl_data_o,
  output      logic [1:0]          cpl_ep_o,

  // at least 64 places of the queue are free
  output      logic                room_o,
  output      logic                truncated_o,
  output      logic                rendezvous_o,
  output      logic                protection_o,
  output      logic                idle_o
);
  localparam int unsigned Jobs   = tally_pkg::RendezvousJobs;
  localparam int unsigned Depth  = tally_pkg::RendezvousQueue;
  localparam int unsigned Peers  = tally_pkg::NumEndpoints * tally_pkg::MaxRanks;
  localparam int unsigned PeerW  = $clog2(Peers);
  localparam int unsigned RankW  = $clog2(tally_pkg::MaxRanks);
  localparam int unsigned LevelW = $clog2(Depth + 1);
  localparam int unsigned RecW   = 1 + MatchedW;  // {unexpected, matched}

  if (PeerJobs < 1 || PeerJobs > Jobs) begin : gen_bad_jobs
    $error("tally_rndv: PeerJobs must be 1 to RendezvousJobs");
  end

  // Queue.
  logic              queue_ready, head_valid, start, put_valid;
  logic [RecW-1:0]   queue_in, head;
  logic [PeerW-1:0]  put_list;
  logic [LevelW-1:0] level;
  assign rx_ready_o  = queue_ready;
  assign cmd_ready_o = queue_ready && !rx_valid_i;
  assign queue_in    = rx_valid_i ? {1'b0, rx_data_i} : {cmd_unexpected_i, cmd_data_i};
  assign room_o      = level <= LevelW'(Depth - 64);

  logic [Peers-1:0] list_enable;
  for (genvar p = 0; p < Peers; p++) begin : gen_enable
    assign list_enable[p] = cq_ok_i[p >> RankW];
  end

  tally_rndv_queue #(.Width(RecW), .Depth(Depth), .Lists(Peers), .Limit(PeerJobs)) u_queue (
    .clk_i, .rst_ni, .enable_i(list_enable),
    .in_valid_i(rx_valid_i || cmd_valid_i), .in_ready_o(queue_ready),
    .in_list_i({queue_in[449 +: 2], queue_in[385 +: RankW]}), .in_data_i(queue_in),
    .out_valid_o(head_valid), .out_ready_i(start), .out_data_o(head),
    .put_valid_i(put_valid), .put_list_i(put_list), .level_o(level)
  );

  // Jobs. A job is busy from its start until Fin and completion have been handed on.
  logic [RecW-1:0]   job_mem [Jobs];
  logic [Jobs-1:0]   busy_q, fin_q, cpl_q, refused_q, reading_q;
  logic [Jobs*8-1:0] status_q;
  logic [JobW-1:0]   slot, fin_index, cpl_index, fin_job_q, cpl_job_q;
  logic              free_any, fin_any, cpl_any, fin_load, cpl_load, fin_valid_q, cpl_valid_q;
  logic              cpl_done, job_valid_q, nothing, refuse;
  logic [31:0]       head_total, head_room, head_want;

  assign head_total = head[64 +: 32];
  assign head_room  = head[257 +: 32];
  assign head_want  = head_total > head_room ? head_room : head_total;
  assign nothing    = head_want == '0;
  assign start      = head_valid && free_any && !job_valid_q;

  tally_turn #(.N(Jobs)) u_free (.clk_i, .rst_ni, .req_i(~busy_q), .take_i(start),
                                 .any_o(free_any), .index_o(slot));
  tally_turn #(.N(Jobs)) u_fin (.clk_i, .rst_ni, .req_i(fin_q), .take_i(fin_load),
                                .any_o(fin_any), .index_o(fin_index));
  tally_turn #(.N(Jobs)) u_cpl (.clk_i, .rst_ni, .req_i(cpl_q), .take_i(cpl_load),
                                .any_o(cpl_any), .index_o(cpl_index));

  assign end_ready_o = 1'b1;
  assign fin_load    = fin_any && !fin_valid_q;
  assign cpl_load    = cpl_any && !cpl_valid_q;
  assign cpl_done    = cpl_valid_q && cpl_ready_i;

  // What still keeps a job: read, Fin or completion to come or in its output register.
  logic [Jobs-1:0] kept;
  for (genvar k = 0; k < Jobs; k++) begin : gen_kept
    assign kept[k] = reading_q[k] || fin_q[k] || cpl_q[k] || (fin_valid_q && fin_job_q == JobW'(k))
                   || (cpl_valid_q && cpl_job_q == JobW'(k));
  end

  // One job a cycle is given back.
  logic             put_any;
  logic [JobW-1:0]  put_index;
  logic [RecW-1:0]  put_rec;
  logic             unused_put;
  tally_turn #(.N(Jobs)) u_put (.clk_i, .rst_ni, .req_i(busy_q & ~kept), .take_i(1'b1),
                                .any_o(put_any), .index_o(put_index));
  assign put_rec    = job_mem[put_index];
  assign put_valid  = put_any;
  assign put_list   = {put_rec[449 +: 2], put_rec[385 +: RankW]};
  assign unused_put = ^{put_rec[RecW-1], put_rec[448:389], put_rec[384:0]};

  always_ff @(posedge clk_i) begin : p_jobs
    if (!rst_ni) begin
      busy_q    <= '0;
      reading_q <= '0;
      fin_q     <= '0;
      cpl_q     <= '0;
    end else begin
      if (start) begin
        busy_q[slot]    <= 1'b1;
        reading_q[slot] <= !nothing;
        fin_q[slot]     <= nothing;
        cpl_q[slot]     <= nothing;
      end
      if (put_any) busy_q[put_index] <= 1'b0;
      if (end_valid_i) begin
        reading_q[end_job_i] <= 1'b0;
        fin_q[end_job_i]     <= 1'b1;
        cpl_q[end_job_i]     <= 1'b1;
      end
      if (fin_load) fin_q[fin_index] <= 1'b0;
      if (cpl_load) cpl_q[cpl_index] <= 1'b0;
    end
    if (start) begin
      refused_q[slot]        <= 1'b0;
      status_q[8*slot +: 8]  <= tally_pkg::StatusOk;
    end
    if (refuse) refused_q[dat_job_q] <= 1'b1;
    if (end_valid_i) status_q[8*end_job_i +: 8] <= end_status_i;
    if (start) job_mem[slot] <= head;
  end

  // Job to tally_read_req.
  logic [JobW-1:0]  job_id_q;
  logic [PeerW-1:0] job_peer_q;
  logic [63:0]      job_addr_q;
  logic [31:0]      job_key_q, job_len_q;
  always_ff @(posedge clk_i) begin : p_job
    if (!rst_ni) job_valid_q <= 1'b0;
    else if (start) job_valid_q <= !nothing;
    else if (job_ready_i) job_valid_q <= 1'b0;
    if (start) begin
      job_id_q   <= slot;
      job_peer_q <= {head[449 +: 2], head[385 +: RankW]};
      job_addr_q <= head[63:0];
      job_key_q  <= head[96 +: 32];
      job_len_q  <= head_want;
    end
  end
  assign job_valid_o = job_valid_q;
  assign job_id_o    = job_id_q;
  assign job_qp_o    = {tally_pkg::QpKindRead[7-PeerW:0], job_peer_q};
  assign job_addr_o  = job_addr_q;
  assign job_key_o   = job_key_q;
  assign job_len_o   = job_len_q;

  // Look ahead: address and region of the next packet while the last one is written.
  typedef enum logic [1:0] { LookIdle, LookAdd, LookCheck, LookDone } look_e;
  look_e           look_q;
  logic [RecW-1:0] dat_rec;
  logic [JobW-1:0] dat_job_q;
  logic [31:0]     dat_offset_q, dat_key_q;
  logic [12:0]     dat_bytes_q;
  logic [63:0]     dat_addr_q;
  logic [1:0]      dat_ep_q;
  logic            dat_ok_q, write_go, unused_rec;
  assign dat_rec     = job_mem[dat_job_i];
  assign unused_rec  = ^{dat_rec[RecW-1], dat_rec[448:385], dat_rec[352:257], dat_rec[192:0]};
  assign dat_ready_o = look_q == LookIdle;
  assign mr_ep_o     = dat_ep_q;
  assign mr_key_o    = dat_key_q;
  assign mr_addr_o   = dat_addr_q;
  assign mr_len_o    = 32'(dat_bytes_q);
  assign refuse      = look_q == LookCheck && !mr_ok_i && !refused_q[dat_job_q];

  always_ff @(posedge clk_i) begin : p_look
    if (!rst_ni) begin
      look_q <= LookIdle;
    end else begin
      unique case (look_q)
        LookIdle:  if (dat_valid_i) look_q <= LookAdd;
        LookAdd:   look_q <= LookCheck;
        LookCheck: look_q <= LookDone;
        default:   if (write_go) look_q <= LookIdle;
      endcase
    end
    if (look_q == LookIdle) begin
      dat_job_q    <= dat_job_i;
      dat_offset_q <= dat_offset_i;
      dat_bytes_q  <= dat_bytes_i;
      dat_addr_q   <= dat_rec[193 +: 64];
      dat_key_q    <= dat_rec[353 +: 32];
      dat_ep_q     <= dat_rec[449 +: 2];
    end
    if (look_q == LookAdd) dat_addr_q <= dat_addr_q + 64'(dat_offset_q);
    if (look_q == LookCheck) dat_ok_q <= mr_ok_i && !refused_q[dat_job_q];
  end

  // Writer.
  logic        write_q, drop_q, cmd_pend_q, beat_go, beat_last, write_end;
  logic [6:0]  left_q;
  logic [63:0] addr_q;
  logic [12:0] bytes_q;
  assign write_go        = look_q == LookDone && (!write_q || write_end);
  assign wr_cmd_valid_o  = write_q && cmd_pend_q;
  assign wr_cmd_addr_o   = addr_q;
  assign wr_cmd_len_o    = bytes_q;
  assign wr_data_valid_o = write_q && !drop_q && left_q != '0 && beat_valid_i;
  assign wr_data_o       = beat_data_i;
  assign beat_ready_o    = write_q && left_q != '0 && (drop_q || wr_data_ready_i);
  assign beat_go         = beat_valid_i && beat_ready_o;
  assign beat_last       = beat_go && left_q == 7'd1;
  assign write_end       = (beat_last || left_q == '0) && (!cmd_pend_q || wr_cmd_ready_i);

  always_ff @(posedge clk_i) begin : p_write
    if (!rst_ni) begin
      write_q    <= 1'b0;
      cmd_pend_q <= 1'b0;
    end else if (write_go) begin
      write_q    <= 1'b1;
      cmd_pend_q <= dat_ok_q;
    end else begin
      if (write_end) write_q <= 1'b0;
      if (wr_cmd_ready_i) cmd_pend_q <= 1'b0;
    end
    if (write_go) begin
      drop_q  <= !dat_ok_q;
      left_q  <= 7'((dat_bytes_q + 13'd63) >> 6);
      addr_q  <= dat_addr_q;
      bytes_q <= dat_bytes_q;
    end else if (beat_go) begin
      left_q <= left_q - 7'd1;
    end
  end

  // Fin.
  logic [RecW-1:0]        fin_rec, fin_rec_q;
  logic [7:0]             fin_status_q;
  logic                   unused_fin;
  tally_pkg::msg_header_t fin;
  assign fin_rec    = job_mem[fin_index];
  assign unused_fin = ^{fin_rec_q[RecW-1], fin_rec_q[448:417], fin_rec_q[384:192],
                        fin_rec_q[127:96], fin_rec_q[63:0]};
  always_comb begin : p_fin
    fin            = '0;
    fin.magic      = tally_pkg::DeviceId;
    fin.version    = 8'd1;
    fin.ptype      = tally_pkg::PacketTypeFin;
    fin.status     = fin_status_q;
    fin.src_rank   = 16'(rank_i[RankW*fin_rec_q[449 +: 2] +: RankW]);
    fin.dst_rank   = fin_rec_q[385 +: 16];
    fin.context_id = fin_rec_q[401 +: 16];
    fin.length     = fin_rec_q[64 +: 32];
    fin.key        = fin_rec_q[96 +: 32];
    fin.cookie     = fin_rec_q[128 +: 32];
    fin.offset     = fin_rec_q[160 +: 32];
  end
  assign fin_valid_o = fin_valid_q;
  assign fin_data_o  = fin;
  assign fin_last_o  = 1'b1;
  assign fin_ep_o    = fin_rec_q[449 +: 2];

  // Completion.
  logic [RecW-1:0] cpl_rec, cpl_rec_q;
  logic [7:0]      cpl_status, cpl_status_q;
  logic [31:0]     cpl_detail_q;
  logic            unused_cpl;
  tally_pkg::cqe_t cqe;
  assign cpl_rec    = job_mem[cpl_index];
  assign unused_cpl = ^{cpl_rec_q[384:353], cpl_rec_q[288:96], cpl_rec_q[63:0]};
  always_comb begin : p_cpl_status
    cpl_status = status_q[8*cpl_index +: 8];
    if (refused_q[cpl_index]) cpl_status = tally_pkg::StatusProtection;
    else if (cpl_status == tally_pkg::StatusOk && cpl_rec[64 +: 32] > cpl_rec[257 +: 32]) begin
      cpl_status = tally_pkg::StatusTruncated;
    end
  end
  always_comb begin : p_cqe
    cqe        = '0;
    cqe.cookie = cpl_rec_q[289 +: 32];
    cqe.opcode = tally_pkg::OpcodeRecv;
    cqe.status = cpl_status_q;
    cqe.flags[tally_pkg::CqeFlagUnexpectedBit] = cpl_rec_q[RecW-1];
    cqe.flags[tally_pkg::CqeFlagRendezvousBit] = 1'b1;
    cqe.length     = cpl_rec_q[64 +: 32];
    cqe.tag        = cpl_rec_q[417 +: 32];
    cqe.source     = cpl_rec_q[385 +: 16];
    cqe.context_id = cpl_rec_q[401 +: 16];
    cqe.cycles     = cpl_rec_q[321 +: 32];
    cqe.detail     = cpl_detail_q;
  end
  assign cpl_valid_o = cpl_valid_q;
  assign cpl_data_o  = cqe;
  assign cpl_ep_o    = cpl_rec_q[449 +: 2];

  always_ff @(posedge clk_i) begin : p_ends
    if (!rst_ni) begin
      fin_valid_q <= 1'b0;
      cpl_valid_q <= 1'b0;
    end else begin
      if (fin_load) fin_valid_q <= 1'b1;
      else if (fin_ready_i) fin_valid_q <= 1'b0;
      if (cpl_load) cpl_valid_q <= 1'b1;
      else if (cpl_ready_i) cpl_valid_q <= 1'b0;
    end
    if (fin_load) begin
      fin_job_q    <= fin_index;
      fin_rec_q    <= fin_rec;
      // The sender's completion: the key that was refused is the one it gave.
      fin_status_q <= status_q[8*fin_index +: 8] == tally_pkg::StatusRemoteProtection
                      ? tally_pkg::StatusProtection : status_q[8*fin_index +: 8];
    end
    if (cpl_load) begin
      cpl_job_q    <= cpl_index;
      cpl_rec_q    <= cpl_rec;
      cpl_status_q <= cpl_status;
      cpl_detail_q <= refused_q[cpl_index] ? cpl_rec[353 +: 32] : '0;
    end
  end

  logic received;
  assign received     = cqe.status == tally_pkg::StatusOk ||
                        cqe.status == tally_pkg::StatusTruncated;
  assign truncated_o  = cpl_done && cqe.status == tally_pkg::StatusTruncated;
  assign rendezvous_o = cpl_done && received;
  assign protection_o = refuse;
  assign idle_o       = !rx_valid_i && !cmd_valid_i && level == '0 && !head_valid && busy_q == '0;

  `TALLY_ASSERT_STABLE(JobStable_A, job_valid_o, job_ready_i,
                       {job_id_o, job_qp_o, job_addr_o, job_key_o, job_len_o})
  `TALLY_ASSERT_STABLE(WrCmdStable_A, wr_cmd_valid_o, wr_cmd_ready_i, {wr_cmd_addr_o, wr_cmd_len_o})
  `TALLY_ASSERT_STABLE(WrDataStable_A, wr_data_valid_o, wr_data_ready_i, wr_data_o)
  `TALLY_ASSERT_STABLE(FinStable_A, fin_valid_o, fin_ready_i, {fin_data_o, fin_ep_o})
  `TALLY_ASSERT_STABLE(CplStable_A, cpl_valid_o, cpl_ready_i, {cpl_data_o, cpl_ep_o})
  `TALLY_ASSERT(EndOfJob_A, end_valid_i |-> reading_q[end_job_i])
  `TALLY_ASSERT(EndAfterData_A, end_valid_i |-> look_q == LookIdle || dat_job_q != end_job_i)
  `TALLY_ASSERT(DataOfJob_A, dat_valid_i |-> reading_q[dat_job_i])
  `TALLY_ASSERT(IsRts_A, head_valid |-> head[192])
endmodule

`default_nettype wire
