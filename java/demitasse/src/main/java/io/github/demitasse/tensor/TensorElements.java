package io.github.demitasse.tensor;

import java.nio.ByteBuffer;

/** Conversions of tensor elements. */
final class TensorElements {
  private TensorElements() {}

  static void fromFloats(DataType type, float[] values, ByteBuffer bytes) {
    switch (type) {
      case FLOAT64 -> {
        for (float value : values) {
          bytes.putDouble(value);
        }
      }
      case FLOAT16 -> {
        for (float value : values) {
          bytes.putShort(HalfFloats.floatToFloat16(value));
        }
      }
      case BFLOAT16 -> {
        for (float value : values) {
          bytes.putShort(HalfFloats.floatToBfloat16(value));
        }
      }
      default -> throw new IllegalArgumentException(type + " does not hold floats");
    }
  }

  static float[] toFloats(Tensor tensor, ByteBuffer bytes) {
    float[] values = new float[Math.toIntExact(tensor.elements())];
    switch (tensor.type()) {
      case FLOAT32 -> bytes.asFloatBuffer().get(values);
      case FLOAT64 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) bytes.getDouble(i * 8);
        }
      }
      case FLOAT16 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = HalfFloats.float16ToFloat(bytes.getShort(i * 2));
        }
      }
      case BFLOAT16 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = HalfFloats.bfloat16ToFloat(bytes.getShort(i * 2));
        }
      }
      default -> {
        long[] longs = toLongs(tensor, bytes);
        for (int i = 0; i < values.length; i++) {
          values[i] = longs[i];
        }
      }
    }
    return values;
  }

  static long[] toLongs(Tensor tensor, ByteBuffer bytes) {
    long[] values = new long[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case INT64, UINT64 -> bytes.getLong(i * 8);
            case INT32 -> bytes.getInt(i * 4);
            case UINT32 -> Integer.toUnsignedLong(bytes.getInt(i * 4));
            case INT16 -> bytes.getShort(i * 2);
            case UINT16 -> Short.toUnsignedInt(bytes.getShort(i * 2));
            case INT8 -> bytes.get(i);
            case UINT8, BOOL -> Byte.toUnsignedInt(bytes.get(i));
            case UINT4 -> nibble(bytes, i);
            case INT4 -> (byte) (nibble(bytes, i) << 4) >> 4;
            default -> throw new IllegalArgumentException(tensor + " cannot be read as integers");
          };
    }
    return values;
  }

  private static int nibble(ByteBuffer bytes, int index) {
    int pair = Byte.toUnsignedInt(bytes.get(index / 2));
    return (index & 1) == 0 ? pair & 15 : pair >> 4;
  }
}
