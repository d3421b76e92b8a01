package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BitPackingTest {
  @Test
  void unpackingGivesBackTheCodes() {
    Random random = new Random(1);
    for (int width = 1; width <= 8; width++) {
      for (int count = 0; count < 40; count++) {
        byte[] signed = new byte[count];
        byte[] unsigned = new byte[count];
        for (int i = 0; i < count; i++) {
          int code = random.nextInt(1 << width);
          unsigned[i] = (byte) code;
          signed[i] = (byte) (code << 32 - width >> 32 - width);
        }
        byte[] packed = BitPacking.pack(width, signed);
        assertEquals((count * width + 7) / 8, packed.length);
        assertArrayEquals(packed, BitPacking.pack(width, unsigned));
        assertArrayEquals(signed, BitPacking.unpack(width, true, packed, count));
        assertArrayEquals(unsigned, BitPacking.unpack(width, false, packed, count));
      }
    }
  }

  @Test
  void fourBitsLieAsInTensors() {
    byte[] codes = {-8, 7, -1, 0, 3};
    Tensor tensor = Tensor.ofIntegers(DataType.INT4, new long[] {-8, 7, -1, 0, 3}, 5);
    assertArrayEquals(tensor.toBytes(), BitPacking.pack(4, codes));
  }

  @Test
  void signs() {
    float[] values = {1, -1, 0, -0f, Float.NaN, -1e-45f, 1e-45f, -2, 5};
    assertArrayEquals(new byte[] {0b01001101, 1}, BitPacking.packSigns(values));
  }

  @Test
  void wrongArgumentsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> BitPacking.pack(0, new byte[3]));
    assertThrows(IllegalArgumentException.class, () -> BitPacking.pack(9, new byte[3]));
    assertThrows(IllegalArgumentException.class, () -> BitPacking.unpack(4, false, new byte[2], 5));
  }
}
