package io.github.demitasse.tensor;

/** Immutable: an element type, with the name and the number ONNX gives it. */
public enum DataType {
  FLOAT32(1, 32),
  UINT8(2, 8),
  INT8(3, 8),
  UINT16(4, 16),
  INT16(5, 16),
  INT32(6, 32),
  INT64(7, 64),
  /** Variable length: graph constants that no kernel touches. */
  STRING(8, 0),
  /** One byte, 0 or 1. */
  BOOL(9, 8),
  FLOAT16(10, 16),
  FLOAT64(11, 64),
  UINT32(12, 32),
  UINT64(13, 64),
  COMPLEX64(14, 64),
  COMPLEX128(15, 128),
  BFLOAT16(16, 16),
  FLOAT8E4M3FN(17, 8),
  FLOAT8E4M3FNUZ(18, 8),
  FLOAT8E5M2(19, 8),
  FLOAT8E5M2FNUZ(20, 8),
  /** Two per byte, the first in the low half. */
  UINT4(21, 4),
  /** Two per byte, the first in the low half. */
  INT4(22, 4),
  FLOAT4E2M1(23, 4),
  FLOAT8E8M0(24, 8),
  UINT2(25, 2),
  INT2(26, 2);

  private static final DataType[] BY_ONNX_CODE = new DataType[27];

  static {
    for (DataType type : values()) {
      BY_ONNX_CODE[type.onnxCode] = type;
    }
  }

  private final int onnxCode;
  private final int bits;

  DataType(int onnxCode, int bits) {
    this.onnxCode = onnxCode;
    this.bits = bits;
  }

  /** The number of this type in ONNX's {@code TensorProto.DataType}. */
  public int onnxCode() {
    return onnxCode;
  }

  /** Bits of one element; 0 for {@link #STRING}. */
  public int bits() {
    return bits;
  }

  /** Bytes that {@code elements} elements occupy, the last byte padded. */
  public long bytes(long elements) {
    return Math.addExact(Math.multiplyExact(elements, (long) bits), 7) / 8;
  }

  public boolean isFloatingPoint() {
    return switch (this) {
      case FLOAT32, FLOAT16, FLOAT64, BFLOAT16 -> true;
      default -> false;
    };
  }

  public boolean isInteger() {
    return switch (this) {
      case UINT8, INT8, UINT16, INT16, INT32, INT64, UINT32, UINT64, UINT4, INT4, UINT2, INT2 ->
          true;
      default -> false;
    };
  }

  /**
   * The type with this ONNX number.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static DataType ofOnnxCode(int code) {
    if (code <= 0 || code >= BY_ONNX_CODE.length || BY_ONNX_CODE[code] == null) {
      throw new IllegalArgumentException("no ONNX element type has the number " + code);
    }
    return BY_ONNX_CODE[code];
  }
}
