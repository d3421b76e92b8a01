package io.github.demitasse.format.npz;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Immutable: what a .npy file says of its array.
 *
 * @param columnMajor whether the first index changes fastest ("Fortran order")
 */
record NpyHeader(NpyType type, boolean columnMajor, long[] shape) {
  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /** NumPy refuses longer headers as well: it would have to trust them. */
  private static final int LONGEST = 10_000;

  private static final int MOST_DIMENSIONS = 64;
  private static final int ALIGNMENT = 64;

  /**
   * Reads the header at the start of a stream.
   *
   * @throws IllegalArgumentException if it is not one
   */
  static NpyHeader read(InputStream in) throws IOException {
    byte[] start = in.readNBytes(8);
    if (start.length < 8 || !Arrays.equals(start, 0, 6, MAGIC, 0, 6)) {
      throw new IllegalArgumentException("it does not begin as a .npy file does");
    }
    int version = start[6];
    if (version < 1 || version > 3) {
      throw new IllegalArgumentException("version " + version + " of the .npy format is not known");
    }
    byte[] size = in.readNBytes(version == 1 ? 2 : 4);
    long length = 0;
    for (int i = size.length - 1; i >= 0; i--) {
      length = length << 8 | size[i] & 0xff;
    }
    if (length > LONGEST) {
      throw new IllegalArgumentException("a header of " + length + " bytes");
    }
    byte[] text = in.readNBytes((int) length);
    if (text.length < length) {
      throw new IllegalArgumentException("it ends within the header");
    }
    return new Parser(new String(text, StandardCharsets.UTF_8)).parse();
  }

  /** Number of elements. */
  long elements() {
    try {
      long elements = 1;
      for (long size : shape) {
        elements = Math.multiplyExact(elements, size);
      }
      return elements;
    } catch (ArithmeticException overflow) {
      throw new IllegalArgumentException("shape " + Arrays.toString(shape) + " is too large");
    }
  }

  /** The bytes that stand before the data, a multiple of 64. */
  byte[] encode() {
    StringBuilder text = new StringBuilder();
    text.append("{'descr': '").append(type).append("', 'fortran_order': ");
    text.append(columnMajor ? "True" : "False").append(", 'shape': (");
    for (int i = 0; i < shape.length; i++) {
      text.append(shape[i]).append(i == 0 || i < shape.length - 1 ? "," : "");
      text.append(i < shape.length - 1 ? " " : "");
    }
    text.append("), }");
    int before = MAGIC.length + 4;
    text.append(" ".repeat(-(before + text.length() + 1) & (ALIGNMENT - 1))).append('\n');
    byte[] bytes = Arrays.copyOf(MAGIC, before + text.length());
    bytes[6] = 1;
    bytes[8] = (byte) text.length();
    bytes[9] = (byte) (text.length() >> 8);
    byte[] encoded = text.toString().getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(encoded, 0, bytes, before, encoded.length);
    return bytes;
  }

  /** Reads the literal of a Python dictionary with the three keys of the format. */
  private static final class Parser {
    private final String text;
    private int position;

    Parser(String text) {
      this.text = text;
    }

    NpyHeader parse() {
      NpyType type = null;
      Boolean columnMajor = null;
      long[] shape = null;
      expect('{');
      while (peek() != '}') {
        String key = string();
        expect(':');
        switch (key) {
          case "descr" -> type = NpyType.parse(type());
          case "fortran_order" -> columnMajor = truth();
          case "shape" -> shape = shape();
          default -> throw broken("an unknown key '" + key + "'");
        }
        if (peek() == ',') {
          position++;
        } else if (peek() != '}') {
          throw broken("expected ',' or '}'");
        }
      }
      position++;
      if (!text.substring(position).isBlank()) {
        throw broken("something follows the dictionary");
      }
      if (type == null || columnMajor == null || shape == null) {
        throw broken("descr, fortran_order and shape are needed");
      }
      return new NpyHeader(type, columnMajor, shape);
    }

    private String type() {
      if (peek() != '\'' && peek() != '"') {
        throw broken("structured element types are not supported");
      }
      return string();
    }

    private String string() {
      char quote = peek();
      if (quote != '\'' && quote != '"') {
        throw broken("expected a string");
      }
      int end = text.indexOf(quote, position + 1);
      if (end < 0) {
        throw broken("a string that does not end");
      }
      String value = text.substring(position + 1, end);
      position = end + 1;
      return value;
    }

    private boolean truth() {
      peek();
      for (String word : new String[] {"True", "False"}) {
        if (text.startsWith(word, position)) {
          position += word.length();
          return word.equals("True");
        }
      }
      throw broken("expected True or False");
    }

    private long[] shape() {
      long[] sizes = new long[MOST_DIMENSIONS];
      int count = 0;
      expect('(');
      while (peek() != ')') {
        if (count == MOST_DIMENSIONS) {
          throw broken("more than " + MOST_DIMENSIONS + " dimensions");
        }
        sizes[count++] = number();
        if (peek() == ',') {
          position++;
        } else if (peek() != ')') {
          throw broken("expected ',' or ')'");
        }
      }
      position++;
      return Arrays.copyOf(sizes, count);
    }

    private long number() {
      int start = position;
      while (position < text.length()
          && text.charAt(position) >= '0'
          && text.charAt(position) <= '9') {
        position++;
      }
      if (start == position || position - start > 18) {
        throw broken("expected a size");
      }
      return Long.parseLong(text.substring(start, position));
    }

    private void expect(char wanted) {
      if (peek() != wanted) {
        throw broken("expected '" + wanted + "'");
      }
      position++;
    }

    private char peek() {
      while (position < text.length() && text.charAt(position) <= ' ') {
        position++;
      }
      if (position == text.length()) {
        throw broken("it ends too early");
      }
      return text.charAt(position);
    }

    private IllegalArgumentException broken(String message) {
      return new IllegalArgumentException("header at character " + position + ": " + message);
    }
  }
}
