/**
 * The accurate integer inverse DCT of the Independent JPEG Group (jidctint, after Loeffler, Ligtenberg and Moschytz
 * 1989), so that 12-bit frames come out equal to DCMTK's and GDCM's, bit for bit.
 */

const CONST_BITS = 13;
// fixed-point factors, 13 fractional bits
const F_0_298 = 2446;
const F_0_390 = 3196;
const F_0_541 = 4433;
const F_0_765 = 6270;
const F_0_899 = 7373;
const F_1_175 = 9633;
const F_1_501 = 12_299;
const F_1_847 = 15_137;
const F_1_961 = 16_069;
const F_2_053 = 16_819;
const F_2_562 = 20_995;
const F_3_072 = 25_172;

/** One pass over eight values at `from`, `step` apart; `shift` fractional bits are rounded off. */
function pass(values: Int32Array, from: number, step: number, shift: number): void {
  const at = (i: number): number => values[from + i * step] ?? 0;
  const half = 1 << (shift - 1);
  const s0 = at(0);
  const s4 = at(4);
  const evenSum = (at(2) + at(6)) * F_0_541;
  const even2 = evenSum - at(6) * F_1_847;
  const even3 = evenSum + at(2) * F_0_765;
  const even0 = (s0 + s4) * (1 << CONST_BITS);
  const even1 = (s0 - s4) * (1 << CONST_BITS);
  const a0 = even0 + even3;
  const a3 = even0 - even3;
  const a1 = even1 + even2;
  const a2 = even1 - even2;

  const s7 = at(7);
  const s5 = at(5);
  const s3 = at(3);
  const s1 = at(1);
  const z5 = (s7 + s3 + s5 + s1) * F_1_175;
  const z1 = (s7 + s1) * -F_0_899;
  const z2 = (s5 + s3) * -F_2_562;
  const z3 = (s7 + s3) * -F_1_961 + z5;
  const z4 = (s5 + s1) * -F_0_390 + z5;
  const b0 = s7 * F_0_298 + z1 + z3;
  const b1 = s5 * F_2_053 + z2 + z4;
  const b2 = s3 * F_3_072 + z2 + z3;
  const b3 = s1 * F_1_501 + z1 + z4;

  values[from] = (a0 + b3 + half) >> shift;
  values[from + 7 * step] = (a0 - b3 + half) >> shift;
  values[from + step] = (a1 + b2 + half) >> shift;
  values[from + 6 * step] = (a1 - b2 + half) >> shift;
  values[from + 2 * step] = (a2 + b1 + half) >> shift;
  values[from + 5 * step] = (a2 - b1 + half) >> shift;
  values[from + 3 * step] = (a3 + b0 + half) >> shift;
  values[from + 4 * step] = (a3 - b0 + half) >> shift;
}

/**
 * Turns 64 dequantized coefficients (row by row) into samples around zero, in place.
 * @param precision 8 or 12; 12-bit samples leave one guard bit less between the passes, as in the reference
 */
export function inverseDct(block: Int32Array, precision: number): void {
  const guard = precision === 8 ? 2 : 1;
  for (let column = 0; column < 8; column++) pass(block, column, 8, CONST_BITS - guard);
  for (let row = 0; row < 8; row++) pass(block, row * 8, 1, CONST_BITS + guard + 3);
}
