package io.github.demitasse.format.npz;

import io.github.demitasse.tensor.DataType;

/**
 * Immutable: an element type as NumPy names it, such as {@code <f4}.
 *
 * @param order byte order: {@code <}, {@code >}, or {@code |} where it does not matter
 * @param kind f, i, u, b, c; U for UTF-32 text, S for byte strings
 * @param size bytes of an element; code points for U
 */
record NpyType(char order, char kind, int size) {
  /** Longer strings than this are nobody's tensor. */
  private static final int LONGEST_STRING = 1 << 24;

  /**
   * @throws IllegalArgumentException if the text is not a type that a tensor can have
   */
  static NpyType parse(String text) {
    if (text.length() >= 3 && text.length() <= 12) {
      char order = text.charAt(0);
      char kind = text.charAt(1);
      String digits = text.substring(2);
      boolean numeric = digits.chars().allMatch(c -> c >= '0' && c <= '9') && digits.length() < 9;
      if ((order == '<' || order == '>' || order == '|' || order == '=') && numeric) {
        NpyType type = new NpyType(order, kind, Integer.parseInt(digits));
        if (type.isText() ? type.size <= LONGEST_STRING : type.tensorType() != null) {
          return type;
        }
      }
    }
    throw new IllegalArgumentException("the element type '" + text + "' is not supported");
  }

  /**
   * The type under which tensors of {@code type} are written. NumPy lacks some: BFLOAT16 becomes
   * 32-bit float and 4-bit integers become 8-bit ones, which have the same values.
   *
   * @param textSize code points of the longest string
   * @throws IllegalArgumentException if NumPy has nothing that holds its values
   */
  static NpyType of(DataType type, int textSize) {
    return switch (type) {
      case FLOAT16 -> new NpyType('<', 'f', 2);
      case FLOAT32, BFLOAT16 -> new NpyType('<', 'f', 4);
      case FLOAT64 -> new NpyType('<', 'f', 8);
      case INT8, INT4 -> new NpyType('|', 'i', 1);
      case INT16 -> new NpyType('<', 'i', 2);
      case INT32 -> new NpyType('<', 'i', 4);
      case INT64 -> new NpyType('<', 'i', 8);
      case UINT8, UINT4 -> new NpyType('|', 'u', 1);
      case UINT16 -> new NpyType('<', 'u', 2);
      case UINT32 -> new NpyType('<', 'u', 4);
      case UINT64 -> new NpyType('<', 'u', 8);
      case BOOL -> new NpyType('|', 'b', 1);
      case COMPLEX64 -> new NpyType('<', 'c', 8);
      case COMPLEX128 -> new NpyType('<', 'c', 16);
      case STRING -> new NpyType('<', 'U', Math.max(1, textSize));
      default -> throw new IllegalArgumentException("NumPy has no type for " + type);
    };
  }

  boolean isText() {
    return kind == 'U' || kind == 'S';
  }

  /** Bytes of one element. */
  int bytes() {
    return kind == 'U' ? 4 * size : size;
  }

  /** Bytes that change places where the file is big-endian. */
  int swappedBytes() {
    return switch (kind) {
      case 'c' -> size / 2;
      case 'U' -> 4;
      case 'S' -> 1;
      default -> size;
    };
  }

  /** The element type of a tensor of such elements; null if there is none. */
  DataType tensorType() {
    return switch (kind) {
      case 'f' -> bySize(DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64);
      case 'i' ->
          size == 1 ? DataType.INT8 : bySize(DataType.INT16, DataType.INT32, DataType.INT64);
      case 'u' ->
          size == 1 ? DataType.UINT8 : bySize(DataType.UINT16, DataType.UINT32, DataType.UINT64);
      case 'b' -> size == 1 ? DataType.BOOL : null;
      case 'c' -> size == 8 ? DataType.COMPLEX64 : size == 16 ? DataType.COMPLEX128 : null;
      case 'U', 'S' -> DataType.STRING;
      default -> null;
    };
  }

  private DataType bySize(DataType two, DataType four, DataType eight) {
    return switch (size) {
      case 2 -> two;
      case 4 -> four;
      case 8 -> eight;
      default -> null;
    };
  }

  @Override
  public String toString() {
    return "" + order + kind + size;
  }
}
