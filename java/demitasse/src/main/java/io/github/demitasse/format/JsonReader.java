package io.github.demitasse.format;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Not thread-safe: reads JSON (RFC 8259) from bytes, value by value, as {@code com.google.gson}'s
 * reader of this name does. Broken text is an {@link IllegalArgumentException} with the byte
 * offset.
 *
 * <p>Written for opening a model in a cold JVM: one small class that touches nothing else of the
 * JDK. Jackson's streaming parser needed 36 ms of processor time to load and warm up for a header
 * that this reads in about 3 ms.
 */
public final class JsonReader {
  private static final int DEEPEST_NESTING = 200;

  private final byte[] bytes;
  private int position;
  private int depth;
  private boolean first; // true when the innermost container has had no member yet

  public JsonReader(byte[] utf8) {
    this.bytes = utf8;
  }

  /** Offset of the byte that is read next. */
  public int position() {
    return position;
  }

  /** The first byte of the next value: a brace, a bracket, a quote, {@code t f n -} or a digit. */
  public char peek() {
    if (position < bytes.length && bytes[position] > ' ') {
      return (char) bytes[position];
    }
    skipSpace();
    if (position == bytes.length) {
      throw broken("the text ends too early");
    }
    return (char) (bytes[position] & 0xff);
  }

  public void beginObject() {
    begin('{');
  }

  public void beginArray() {
    begin('[');
  }

  private void begin(char bracket) {
    expect(bracket);
    if (++depth > DEEPEST_NESTING) {
      throw broken("nested more than " + DEEPEST_NESTING + " levels deep");
    }
    first = true;
  }

  /**
   * Whether the object has another member; if not, its end is read, too. Each member is then read
   * with {@link #nextName()} and one call for its value.
   */
  public boolean hasNextMember() {
    return hasNext('}');
  }

  /** Whether the array has another element; if not, its end is read, too. */
  public boolean hasNextElement() {
    return hasNext(']');
  }

  private boolean hasNext(char end) {
    char next = peek();
    if (next == end) {
      position++;
      depth--;
      first = false;
      return false;
    }
    if (!first) {
      if (next != ',') {
        throw broken("expected ',' or '" + end + "'");
      }
      position++;
    }
    first = false;
    return true;
  }

  /** The name of an object's member. */
  public String nextName() {
    String name = nextString();
    expect(':');
    return name;
  }

  public String nextString() {
    int start = stringStart();
    int end = plainEnd(start);
    if (bytes[end] == '"') {
      position = end + 1;
      return new String(bytes, start, end - start, StandardCharsets.UTF_8);
    }
    return new String(unescape(start, end), StandardCharsets.UTF_8);
  }

  /** A string as UTF-8. */
  public byte[] nextBytes() {
    int start = stringStart();
    int end = plainEnd(start);
    if (bytes[end] == '"') {
      position = end + 1;
      return Arrays.copyOfRange(bytes, start, end);
    }
    return unescape(start, end);
  }

  /** A whole number. */
  public long nextLong() {
    boolean negative = peek() == '-';
    int start = negative ? position + 1 : position;
    int i = start;
    long value = 0; // counted downwards: the smallest long has no positive counterpart
    for (; i < bytes.length; i++) {
      int digit = bytes[i] - '0';
      if (digit < 0 || digit > 9) {
        break;
      }
      if (value < (Long.MIN_VALUE + digit) / 10) {
        throw broken("a number beyond 64 bits");
      }
      value = value * 10 - digit;
    }
    boolean wrong =
        i == start
            || (bytes[start] == '0' && i > start + 1)
            || (i < bytes.length && isOfNumber(bytes[i]))
            || (!negative && value == Long.MIN_VALUE);
    if (wrong) {
      throw broken("not a whole number of 64 bits");
    }
    position = i;
    return negative ? value : -value;
  }

  /** A number, or one of the strings NaN, Infinity, -Infinity. */
  public float nextFloat() {
    String text;
    if (peek() == '"') {
      text = nextString();
      if (!text.equals("NaN") && !text.equals("Infinity") && !text.equals("-Infinity")) {
        throw broken("not a number");
      }
    } else {
      int start = numberStart();
      text = new String(bytes, start, position - start, StandardCharsets.ISO_8859_1);
    }
    try {
      return Float.parseFloat(text);
    } catch (NumberFormatException notANumber) {
      throw broken("not a number");
    }
  }

  public void nextNull() {
    literal("null");
  }

  /** An array of whole numbers. */
  public long[] nextLongs() {
    long[] values = new long[8];
    int count = 0;
    beginArray();
    while (hasNextElement()) {
      if (count == values.length) {
        values = Arrays.copyOf(values, 2 * count);
      }
      values[count++] = nextLong();
    }
    return Arrays.copyOf(values, count);
  }

  /** An array of strings. */
  public List<String> nextStrings() {
    List<String> values = new ArrayList<>();
    beginArray();
    while (hasNextElement()) {
      values.add(nextString());
    }
    return values;
  }

  /** Passes over one value of any kind. */
  public void skipValue() {
    switch (peek()) {
      case '{' -> {
        beginObject();
        while (hasNextMember()) {
          nextName();
          skipValue();
        }
      }
      case '[' -> {
        beginArray();
        while (hasNextElement()) {
          skipValue();
        }
      }
      case '"' -> position = skipString();
      case 't' -> literal("true");
      case 'f' -> literal("false");
      case 'n' -> literal("null");
      default -> nextFloat();
    }
  }

  /** Demands that nothing but white space follows. */
  public void end() {
    skipSpace();
    if (position != bytes.length) {
      throw broken("something follows the end");
    }
  }

  private int skipString() {
    int end = plainEnd(stringStart());
    while (bytes[end] == '\\') {
      end = plainEnd(Math.min(end + 2, bytes.length));
    }
    return end + 1;
  }

  private void literal(String text) {
    skipSpace();
    for (int i = 0; i < text.length(); i++) {
      if (position + i >= bytes.length || bytes[position + i] != text.charAt(i)) {
        throw broken("expected " + text);
      }
    }
    position += text.length();
  }

  private int stringStart() {
    expect('"');
    return position;
  }

  /** The next quote or backslash. */
  private int plainEnd(int start) {
    byte[] text = bytes;
    int i = start;
    for (; i < text.length; i++) {
      byte b = text[i];
      if (b == '"' || b == '\\') {
        return i;
      }
      if (b >= 0 && b < ' ') {
        position = i;
        throw broken("a control character in a string");
      }
    }
    throw broken("a string that does not end");
  }

  /** The string that begins at {@code start} and has its first backslash at {@code escape}. */
  private byte[] unescape(int start, int escape) {
    byte[] text = bytes;
    byte[] result = Arrays.copyOfRange(text, start, Math.max(start + 64, 2 * escape - start));
    int length = escape - start;
    int i = escape;
    while (i < text.length) {
      if (length + 4 > result.length) {
        result = Arrays.copyOf(result, 2 * result.length);
      }
      byte b = text[i++];
      if (b == '\\' && i < text.length && text[i] == '"') { // JSON within JSON is full of these
        result[length++] = '"';
        i++;
      } else if (b == '\\') {
        position = i;
        length = putEscaped(result, length);
        i = position;
      } else if (b == '"') {
        position = i;
        return Arrays.copyOf(result, length);
      } else if (b >= 0 && b < ' ') {
        position = i - 1;
        throw broken("a control character in a string");
      } else {
        result[length++] = b;
      }
    }
    throw broken("a string that does not end");
  }

  /** Decodes what follows a backslash, at {@link #position}; returns the result's new length. */
  private int putEscaped(byte[] result, int length) {
    char kind = position < bytes.length ? (char) bytes[position] : 0;
    position++;
    switch (kind) {
      case '"', '\\', '/' -> result[length] = (byte) kind;
      case 'b' -> result[length] = '\b';
      case 'f' -> result[length] = '\f';
      case 'n' -> result[length] = '\n';
      case 'r' -> result[length] = '\r';
      case 't' -> result[length] = '\t';
      case 'u' -> {
        int code = hexadecimal();
        if (Character.isHighSurrogate((char) code)
            && position + 1 < bytes.length
            && bytes[position] == '\\'
            && bytes[position + 1] == 'u') {
          position += 2;
          int low = hexadecimal();
          code = Character.isLowSurrogate((char) low) ? surrogates(code, low) : -1;
        }
        if (code < 0 || (code >= 0xd800 && code < 0xe000)) {
          throw broken("half a surrogate pair");
        }
        return putUtf8(code, result, length);
      }
      default -> throw broken("an unknown escape sequence");
    }
    return length + 1;
  }

  private static int surrogates(int high, int low) {
    return Character.toCodePoint((char) high, (char) low);
  }

  private static int putUtf8(int code, byte[] result, int length) {
    if (code < 0x80) {
      result[length] = (byte) code;
      return length + 1;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3; // bytes that follow the first
    int marker = 0xf0 << (3 - more) & 0xff; // as many leading ones as there are bytes
    result[length] = (byte) (marker | code >> 6 * more);
    for (int i = 1; i <= more; i++) {
      result[length + i] = (byte) (0x80 | code >> 6 * (more - i) & 0x3f);
    }
    return length + more + 1;
  }

  private int hexadecimal() {
    int value = 0;
    for (int i = 0; i < 4; i++) {
      int digit = position < bytes.length ? Character.digit((char) bytes[position], 16) : -1;
      if (digit < 0) {
        throw broken("four hexadecimal digits should follow \\u");
      }
      value = value << 4 | digit;
      position++;
    }
    return value;
  }

  /** Passes over the characters of a number; returns where they began. */
  private int numberStart() {
    skipSpace();
    int start = position;
    while (position < bytes.length && isOfNumber(bytes[position])) {
      position++;
    }
    if (start == position) {
      throw broken("expected a number");
    }
    return start;
  }

  private static boolean isOfNumber(byte b) {
    return b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E';
  }

  private void expect(char wanted) {
    if (peek() != wanted) {
      throw broken("expected '" + wanted + "', found '" + peek() + "'");
    }
    position++;
  }

  private void skipSpace() {
    while (position < bytes.length) {
      byte b = bytes[position];
      if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
        return;
      }
      position++;
    }
  }

  private IllegalArgumentException broken(String message) {
    return new IllegalArgumentException("invalid JSON at byte " + position + ": " + message);
  }
}
