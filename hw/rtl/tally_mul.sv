// SPDX-License-Identifier: BSD-3-Clause
// Unsigned multiplier: the low OutW bits of a * b, cut into products that fit a DSP48E2 (26 by 17
// bits unsigned).
//
// Ordering: in order. Latency: 3 enabled cycles. Throughput: one product a cycle.
// Storage: about 1.6 * W * ceil(W / 17) + 2 * OutW bits of registers, most of them in the DSPs.
// Stage s loads its registers in cycles with en_i[s]. a_i and b_i come from registers of the user,
// which the DSPs can take in (AREG, BREG). Stages: 0 products (MREG); 1 sum of the products of each
// piece of a (up to four terms); 2 sum over the pieces (up to three terms).
// Limitations: W at most 68 (four pieces of b), and at most 78 (three pieces of a).
`default_nettype none

module tally_mul #(
  parameter int unsigned W = 24,
  parameter int unsigned OutW = 2 * W
) (
  input  wire logic            clk_i,

  input  wire logic [2:0]      en_i,
  input  wire logic [W-1:0]    a_i,
  input  wire logic [W-1:0]    b_i,
  output      logic [OutW-1:0] z_o
);
  localparam int unsigned PieceA = 26;
  localparam int unsigned PieceB = 17;
  localparam int unsigned PiecesA = (W + PieceA - 1) / PieceA;
  localparam int unsigned PiecesB = (W + PieceB - 1) / PieceB;
  // A piece of a times b.
  localparam int unsigned WidthA = (W < PieceA) ? W : PieceA;
  localparam int unsigned WidthB = (W < PieceB) ? W : PieceB;
  localparam int unsigned RowW = (W + WidthA < OutW) ? W + WidthA : OutW;
  localparam int unsigned TileW = (WidthA + WidthB < RowW) ? WidthA + WidthB : RowW;

  if (W < 2 || PiecesA > 3 || PiecesB > 4 || OutW > 2 * W) begin : gen_bad_width
    $error("tally_mul: W must be 2 to 68 and OutW at most 2 * W");
  end

  // All places that the sums name exist; those beyond the operands or above OutW are zero.
  for (genvar i = 0; i < 3; i++) begin : gen_row
    logic [RowW-1:0] sum_q;
    if (i < PiecesA) begin : gen_sum
      for (genvar j = 0; j < 4; j++) begin : gen_tile
        logic [TileW-1:0] t_q;
        if (j < PiecesB && PieceA * i + PieceB * j < OutW) begin : gen_used
          localparam int unsigned LeftA = W - PieceA * i;
          localparam int unsigned LeftB = W - PieceB * j;
          localparam int unsigned Wa = (LeftA < PieceA) ? LeftA : PieceA;
          localparam int unsigned Wb = (LeftB < PieceB) ? LeftB : PieceB;
          always_ff @(posedge clk_i) begin : p_product
            if (en_i[0]) t_q <= TileW'((Wa + Wb)'(a_i[PieceA*i +: Wa]) *
                                       (Wa + Wb)'(b_i[PieceB*j +: Wb]));
          end
        end else begin : gen_none
          assign t_q = '0;
        end
      end

      always_ff @(posedge clk_i) begin : p_sum
        if (en_i[1]) begin
          sum_q <= (RowW'(gen_tile[0].t_q) + (RowW'(gen_tile[1].t_q) << PieceB)) +
                   ((RowW'(gen_tile[2].t_q) << (2 * PieceB)) +
                    (RowW'(gen_tile[3].t_q) << (3 * PieceB)));
        end
      end
    end else begin : gen_none
      assign sum_q = '0;
    end
  end

  logic [OutW-1:0] z_q;

  always_ff @(posedge clk_i) begin : p_sum
    if (en_i[2]) begin
      z_q <= OutW'(gen_row[0].sum_q) + (OutW'(gen_row[1].sum_q) << PieceA) +
             (OutW'(gen_row[2].sum_q) << (2 * PieceA));
    end
  end

  assign z_o = z_q;
endmodule

`default_nettype wire
