// SPDX-License-Identifier: BSD-3-Clause
// The jobs of tally_read_req: what of each is still to be asked for, which one comes next, and how
// those end.
//
// A job is pending while it has bytes to ask for, blocked while its queue pair has no room for
// another request, and ended when it has neither bytes to ask for nor requests under way.
// Ordering: pending jobs that are not blocked take turns; so do ended ones.
// Latency: choices are combinational; the record of job_i is there the cycle after read_i. What
// happens to job_i or to the jobs of qp_i counts from the next cycle on.
// Storage: 16 * 178 bits. Limitations: no job is taken in a cycle with issue_i.
`default_nettype none
`include "tally_assert.svh"

module tally_read_jobs #(
  localparam int unsigned JobW = $clog2(tally_pkg::RendezvousJobs),
  localparam int unsigned QpW  = $clog2(tally_pkg::NumEndpoints * tally_pkg::MaxRanks),
  localparam int unsigned LenW = 17
) (
  input  wire logic            clk_i,
  input  wire logic            rst_ni,

  // a new job (pulse)
  input  wire logic            new_valid_i,
  input  wire logic [JobW-1:0] new_id_i,
  input  wire logic [QpW-1:0]  new_qp_i,
  input  wire logic [63:0]     new_addr_i,
  input  wire logic [31:0]     new_key_i,
  input  wire logic [31:0]     new_len_i,

  // choices
  output      logic            ended_any_o,
  input  wire logic            ended_take_i,
  output      logic [JobW-1:0] ended_index_o,
  output      logic            issue_any_o,
  input  wire logic            issue_take_i,
  output      logic [JobW-1:0] issue_index_o,
  output      logic [QpW-1:0]  issue_qp_o,

  // the job in hand
  input  wire logic [JobW-1:0] job_i,
  input  wire logic            read_i,
  output      logic [31:0]     key_o,
  output      logic [63:0]     addr_o,
  output      logic [31:0]     left_o,
  output      logic [31:0]     offset_o,
  output      logic [7:0]      status_o,

  // job_i: a request for seg_i bytes is made; its queue pair is full; its queue pair is not
  // connected; its end is told (pulses)
  input  wire logic            issue_i,
  input  wire logic [LenW-1:0] seg_i,
  input  wire logic            block_i,
  input  wire logic            refuse_i,
  input  wire logic            end_i,
  // a request of finish_job_i is over, denied by the peer or with its data (pulse)
  input  wire logic            finish_i,
  input  wire logic            denied_i,
  input  wire logic [JobW-1:0] finish_job_i,
  // qp_i: there may be room for a request; what was under way is lost, and after give_up_i so is
  // what waits (pulses)
  input  wire logic [QpW-1:0]  qp_i,
  input  wire logic            opened_i,
  input  wire logic            lost_i,
  input  wire logic            give_up_i,

  output      logic            idle_o
);
  localparam int unsigned Jobs = tally_pkg::RendezvousJobs;
  localparam int unsigned CntW = $clog2(tally_pkg::ReadsPerQp) + 1;
  // {key, address, bytes left, offset}
  localparam int unsigned JmW  = 32 + 64 + 64;

  logic [Jobs-1:0]      jvalid_q, jpend_q, jblock_q, jdone;
  logic [Jobs*QpW-1:0]  jqp_q;
  logic [Jobs*CntW-1:0] jout_q;
  logic [Jobs*8-1:0]    jstat_q;

  for (genvar k = 0; k < Jobs; k++) begin : gen_done
    assign jdone[k] = jvalid_q[k] && !jpend_q[k] && jout_q[CntW*k +: CntW] == '0;
  end
  tally_turn #(.N(Jobs)) u_end (.clk_i, .rst_ni, .req_i(jdone), .take_i(ended_take_i),
                                .any_o(ended_any_o), .index_o(ended_index_o));
  tally_turn #(.N(Jobs)) u_issue (.clk_i, .rst_ni, .req_i(jpend_q & ~jblock_q),
                                  .take_i(issue_take_i), .any_o(issue_any_o),
                                  .index_o(issue_index_o));
  assign issue_qp_o = jqp_q[QpW*issue_index_o +: QpW];
  assign status_o   = jstat_q[8*job_i +: 8];
  assign idle_o     = jvalid_q == '0;

  // Records.
  logic [JmW-1:0]  job_mem [Jobs];
  logic [JmW-1:0]  jm_q, job_new;
  logic            job_we;
  logic [JobW-1:0] job_at;
  assign {key_o, addr_o, left_o, offset_o} = jm_q;
  assign job_we  = new_valid_i || issue_i;
  assign job_at  = issue_i ? job_i : new_id_i;
  assign job_new = issue_i ? {key_o, addr_o + 64'(seg_i), left_o - 32'(seg_i),
                              offset_o + 32'(seg_i)}
                           : {new_key_i, new_addr_i, new_len_i, 32'd0};
  always_ff @(posedge clk_i) begin : p_mem
    if (job_we) job_mem[job_at] <= job_new;
    if (read_i) jm_q <= job_mem[job_i];
  end

  // States.
  for (genvar k = 0; k < Jobs; k++) begin : gen_jobs
    logic mine, fail, out_up, out_down;
    logic [CntW-1:0] out;
    assign mine     = jqp_q[QpW*k +: QpW] == qp_i;
    assign out      = jout_q[CntW*k +: CntW];
    assign fail     = (lost_i && mine && jvalid_q[k] && (out != '0 || (give_up_i && jpend_q[k])))
                    || (refuse_i && job_i == JobW'(k));
    assign out_up   = issue_i && job_i == JobW'(k);
    assign out_down = finish_i && finish_job_i == JobW'(k);
    always_ff @(posedge clk_i) begin : p_job
      if (!rst_ni) begin
        jvalid_q[k] <= 1'b0;
        jpend_q[k]  <= 1'b0;
        jblock_q[k] <= 1'b0;
        jout_q[CntW*k +: CntW] <= '0;
      end else if (new_valid_i && new_id_i == JobW'(k)) begin
        jvalid_q[k] <= 1'b1;
        jpend_q[k]  <= 1'b1;
        jblock_q[k] <= 1'b0;
      end else begin
        if (end_i && job_i == JobW'(k)) jvalid_q[k] <= 1'b0;
        if (fail || (denied_i && out_down) || (out_up && left_o == 32'(seg_i))) begin
          jpend_q[k] <= 1'b0;
        end
        if (fail) jout_q[CntW*k +: CntW] <= '0;
        else if (out_up || out_down) begin
          jout_q[CntW*k +: CntW] <= out_up ? out + CntW'(1) : out - CntW'(1);
        end
        if (opened_i && mine) jblock_q[k] <= 1'b0;
        else if (block_i && job_i == JobW'(k)) jblock_q[k] <= 1'b1;
      end
      if (new_valid_i && new_id_i == JobW'(k)) begin
        jqp_q[QpW*k +: QpW] <= new_qp_i;
        jstat_q[8*k +: 8]   <= tally_pkg::StatusOk;
      end else if (fail) begin
        jstat_q[8*k +: 8] <= tally_pkg::StatusRetryExceeded;
      end else if (denied_i && out_down) begin
        jstat_q[8*k +: 8] <= tally_pkg::StatusRemoteProtection;
      end
    end
  end

  `TALLY_ASSERT(NewFree_A, new_valid_i |-> !jvalid_q[new_id_i])
  `TALLY_ASSERT(NewBytes_A, new_valid_i |-> new_len_i != '0)
  `TALLY_ASSERT(OneWrite_A, !(new_valid_i && issue_i))
  `TALLY_ASSERT(DeniedFinishes_A, denied_i |-> finish_i)
endmodule

`default_nettype wire
