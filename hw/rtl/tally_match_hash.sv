// SPDX-License-Identifier: BSD-3-Clause
// Bucket numbers of a match key in the two banks of each of the four hash tables.
//
// A key is {endpoint, context, source, tag}; a wildcard field counts as 0. Class c of the tables is
// {any_tag, any_source}: 0 exact, 1 any source, 2 any tag, 3 both.
// Hash of bank b: remainder of the key, as a polynomial over GF(2), modulo a primitive polynomial
// of degree 16 (bank 0: x^16+x^15+x^13+x^4+1, bank 1: x^16+x^14+x^13+x^11+1), folded to BucketBits
// by XOR. So keys that differ only within 16 neighbouring bits (tags or ranks that count up) never
// have the same remainder, and keys that meet in one bank seldom meet in the other.
// Latency: 1 cycle. Throughput: one key a cycle. Storage: 8 * BucketBits bits.
// Limitation: not secret; keys can be chosen that share their buckets. They cost table places
// (result Conflict of tally_match), never time or a wrong match.
`default_nettype none

module tally_match_hash #(
  parameter int unsigned BucketBits = 11,
  localparam int unsigned EpW = 2
) (
  input  wire logic                    clk_i,

  input  wire logic                    valid_i,
  input  wire logic [EpW-1:0]          ep_i,
  input  wire logic [15:0]             context_i,
  input  wire logic [15:0]             source_i,
  input  wire logic [31:0]             tag_i,

  // Class c has bits [c*BucketBits +: BucketBits].
  output      logic [4*BucketBits-1:0] bucket0_o,
  output      logic [4*BucketBits-1:0] bucket1_o
);
  if (BucketBits < 1 || BucketBits > 16) begin : gen_bad_bits
    $error("tally_match_hash: BucketBits must be 1 to 16");
  end

  // Bit i of a remainder is the parity of the key bits in mask i.
  function automatic logic [15:0] remainder0(input logic [65:0] key);
    remainder0[0] = ^(key & 66'h3_0958_DCE1_9B97_0001);
    remainder0[1] = ^(key & 66'h2_12B1_B9C3_372E_0002);
    remainder0[2] = ^(key & 66'h0_2563_7386_6E5C_0004);
    remainder0[3] = ^(key & 66'h0_4AC6_E70C_DCB8_0008);
    remainder0[4] = ^(key & 66'h3_9CD5_12F8_22E7_0010);
    remainder0[5] = ^(key & 66'h3_39AA_25F0_45CE_0020);
    remainder0[6] = ^(key & 66'h2_7354_4BE0_8B9C_0040);
    remainder0[7] = ^(key & 66'h0_E6A8_97C1_1738_0080);
    remainder0[8] = ^(key & 66'h1_CD51_2F82_2E70_0100);
    remainder0[9] = ^(key & 66'h3_9AA2_5F04_5CE0_0200);
    remainder0[10] = ^(key & 66'h3_3544_BE08_B9C0_0400);
    remainder0[11] = ^(key & 66'h2_6A89_7C11_7380_0800);
    remainder0[12] = ^(key & 66'h0_D512_F822_E700_1000);
    remainder0[13] = ^(key & 66'h2_A37D_2CA4_5597_2000);
    remainder0[14] = ^(key & 66'h1_46FA_5948_AB2E_4000);
    remainder0[15] = ^(key & 66'h1_84AC_6E70_CDCB_8000);
  endfunction

  function automatic logic [15:0] remainder1(input logic [65:0] key);
    remainder1[0] = ^(key & 66'h2_A7FD_F85A_D0BD_0001);
    remainder1[1] = ^(key & 66'h1_4FFB_F0B5_A17A_0002);
    remainder1[2] = ^(key & 66'h2_9FF7_E16B_42F4_0004);
    remainder1[3] = ^(key & 66'h1_3FEF_C2D6_85E8_0008);
    remainder1[4] = ^(key & 66'h2_7FDF_85AD_0BD0_0010);
    remainder1[5] = ^(key & 66'h0_FFBF_0B5A_17A0_0020);
    remainder1[6] = ^(key & 66'h1_FF7E_16B4_2F40_0040);
    remainder1[7] = ^(key & 66'h3_FEFC_2D68_5E80_0080);
    remainder1[8] = ^(key & 66'h3_FDF8_5AD0_BD00_0100);
    remainder1[9] = ^(key & 66'h3_FBF0_B5A1_7A00_0200);
    remainder1[10] = ^(key & 66'h3_F7E1_6B42_F400_0400);
    remainder1[11] = ^(key & 66'h1_483F_2EDF_38BD_0800);
    remainder1[12] = ^(key & 66'h2_907E_5DBE_717A_1000);
    remainder1[13] = ^(key & 66'h3_8701_4326_3249_2000);
    remainder1[14] = ^(key & 66'h1_A9FF_7E16_B42F_4000);
    remainder1[15] = ^(key & 66'h3_53FE_FC2D_685E_8000);
  endfunction

  // The hash is linear: each class adds up the shares of the fields that it has.
  logic [15:0] who0, who1, source0, source1, tag0, tag1;
  logic [63:0] sum0, sum1;
  always_comb begin : p_shares
    who0    = '0;
    who1    = '0;
    source0 = '0;
    source1 = '0;
    tag0    = '0;
    tag1    = '0;
    if (valid_i) begin
      who0    = remainder0({ep_i, context_i, 48'd0});
      who1    = remainder1({ep_i, context_i, 48'd0});
      source0 = remainder0({18'd0, source_i, 32'd0});
      source1 = remainder1({18'd0, source_i, 32'd0});
      tag0    = remainder0({34'd0, tag_i});
      tag1    = remainder1({34'd0, tag_i});
    end
  end
  assign sum0 = {who0, who0 ^ source0, who0 ^ tag0, who0 ^ source0 ^ tag0};
  assign sum1 = {who1, who1 ^ source1, who1 ^ tag1, who1 ^ source1 ^ tag1};

  logic [4*BucketBits-1:0] bucket0_q, bucket1_q;
  for (genvar c = 0; c < 4; c++) begin : gen_class
    logic [15:0] full0, full1;
    assign full0 = sum0[c*16 +: 16];
    assign full1 = sum1[c*16 +: 16];
    always_ff @(posedge clk_i) begin : p_bucket
      if (valid_i) begin
        bucket0_q[c*BucketBits +: BucketBits] <=
            full0[BucketBits-1:0] ^ BucketBits'(full0 >> BucketBits);
        bucket1_q[c*BucketBits +: BucketBits] <=
            full1[BucketBits-1:0] ^ BucketBits'(full1 >> BucketBits);
      end
    end
  end
  assign bucket0_o = bucket0_q;
  assign bucket1_o = bucket1_q;
endmodule

`default_nettype wire
