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

  static void fromLongs(DataType type, long[] values, ByteBuffer bytes) {
    int width = type.bits();
    boolean unsigned = type.name().startsWith("U");
    long low = unsigned ? 0 : -1L << width - 1;
    long high = unsigned ? (1L << Math.min(width, 63)) - 1 : -1 - low;
    for (int i = 0; i < values.length; i++) {
      long value = values[i];
      if (width < 64 && (value < low || value > high)) {
        throw new IllegalArgumentException(value + " is outside " + type);
      }
      switch (width) {
        case 64 -> bytes.putLong(value);
        case 32 -> bytes.putInt((int) value);
        case 16 -> bytes.putShort((short) value);
        case 8 -> bytes.put((byte) value);
        default -> {
          int perByte = 8 / width;
          int code = (int) value & (1 << width) - 1;
          int index = i / perByte;
          bytes.put(index, (byte) (bytes.get(index) | code << i % perByte * width));
        }
      }
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
      case UINT64 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = unsignedToFloat(bytes.getLong(i * 8));
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
            case UINT4 -> bits(bytes, i, 4);
            case INT4 -> bits(bytes, i, 4) << 28 >> 28;
            case UINT2 -> bits(bytes, i, 2);
            case INT2 -> bits(bytes, i, 2) << 30 >> 30;
            default -> throw new IllegalArgumentException(tensor + " cannot be read as integers");
          };
    }
    return values;
  }

  /** Element {@code index} of {@code width} bits; the first of a byte is in its lowest bits. */
  private static int bits(ByteBuffer bytes, int index, int width) {
    int perByte = 8 / width;
    return bytes.get(index / perByte) >> index % perByte * width & (1 << width) - 1;
  }

  /** Halves large values, keeping the lost bit for the rounding. */
  private static float unsignedToFloat(long value) {
    return value >= 0 ? value : (value >>> 1 | value & 1) * 2f;
  }
}
