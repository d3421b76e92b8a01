package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;

/**
 * Thread-safe: codes of few bits, packed. Code {@code i} occupies bits {@code i * width} to {@code
 * i * width + width - 1}, counted from the lowest bit of the first byte; the last byte's rest is
 * zero. For 1, 2 and 4 bits this is ONNX's order. The same bytes on every CPU.
 */
public final class BitPacking {
  private BitPacking() {}

  /**
   * @param width bits of a code, 1 to 8
   * @param codes of which the low bits are kept
   * @return {@code (codes.length * width + 7) / 8} bytes
   * @throws IllegalArgumentException if the width is none of these
   */
  public static byte[] pack(int width, byte[] codes) {
    byte[] packed = new byte[bytes(width, codes.length)];
    NativeStatus.check(Demitasse.dmt_pack_codes(width, codes, codes.length, packed, packed.length));
    return packed;
  }

  /**
   * The reverse of {@link #pack}.
   *
   * @param signed true for codes in two's complement, whose sign is extended
   * @throws IllegalArgumentException if the width is not 1 to 8 or {@code packed} is too short
   */
  public static byte[] unpack(int width, boolean signed, byte[] packed, int count) {
    bytes(width, count);
    byte[] codes = new byte[count];
    NativeStatus.check(
        Demitasse.dmt_unpack_codes(width, signed ? 1 : 0, packed, packed.length, count, codes));
    return codes;
  }

  /** One bit for each value: 1 where it is at least zero (also -0), 0 where it is less or NaN. */
  public static byte[] packSigns(float[] values) {
    byte[] packed = new byte[bytes(1, values.length)];
    NativeStatus.check(Demitasse.dmt_pack_signs(values, values.length, packed, packed.length));
    return packed;
  }

  private static int bytes(int width, int count) {
    if (width < 1 || width > 8 || count < 0) {
      throw new IllegalArgumentException(count + " codes of " + width + " bits");
    }
    NativeLibrary.load();
    return (int) (((long) count * width + 7) / 8);
  }
}
