package io.github.demitasse.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonReaderTest {
  @Test
  void aDocumentIsReadInOrder() {
    JsonReader json =
        reader(" { \"a\" : [ 1 , -2, 9223372036854775807 ] , \"b\":{} , \"c\":[\"x\",\"\"]} ");
    json.beginObject();
    assertTrue(json.hasNextMember());
    assertEquals("a", json.nextName());
    assertArrayEquals(new long[] {1, -2, Long.MAX_VALUE}, json.nextLongs());
    assertTrue(json.hasNextMember());
    assertEquals("b", json.nextName());
    json.beginObject();
    assertFalse(json.hasNextMember());
    assertTrue(json.hasNextMember());
    assertEquals("c", json.nextName());
    assertEquals(List.of("x", ""), json.nextStrings());
    assertFalse(json.hasNextMember());
    json.end();
  }

  @Test
  void stringsComeBackAsJacksonWroteThem() throws IOException {
    Random random = new Random(1);
    ObjectMapper jackson = new ObjectMapper();
    for (int round = 0; round < 2000; round++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(30); length > 0; length--) {
        int kind = random.nextInt(6);
        int code =
            kind == 0
                ? random.nextInt(32)
                : kind == 1
                    ? 0x10000 + random.nextInt(0x100000)
                    : kind == 2
                        ? 0x80 + random.nextInt(0xd000)
                        : kind == 3 ? "\"\\/".charAt(random.nextInt(3)) : 32 + random.nextInt(95);
        text.appendCodePoint(code);
      }
      String expected = text.toString();
      byte[] encoded = jackson.writeValueAsBytes(expected);
      assertEquals(expected, new JsonReader(encoded).nextString());
      assertEquals(
          expected, new String(new JsonReader(encoded).nextBytes(), StandardCharsets.UTF_8));
      assertEquals(expected, reader(escaped(expected)).nextString());
      JsonReader skipping = new JsonReader(encoded);
      skipping.skipValue();
      skipping.end();
    }
  }

  private static String escaped(String text) {
    StringBuilder escaped = new StringBuilder("\"");
    text.chars().forEach(unit -> escaped.append(String.format("\\u%04X", unit)));
    return escaped.append('"').toString();
  }

  @Test
  void numbersAreExact() {
    assertEquals(Long.MIN_VALUE, reader("-9223372036854775808").nextLong());
    assertEquals(0, reader("-0").nextLong());
    Random random = new Random(2);
    for (int round = 0; round < 2000; round++) {
      long value = random.nextLong() >> random.nextInt(64);
      assertEquals(value, reader(Long.toString(value)).nextLong());
      float number = Float.intBitsToFloat(random.nextInt());
      String text = Float.isFinite(number) ? "" + number : "\"" + number + "\"";
      assertEquals(number, reader(text).nextFloat());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "01",
        "1.5",
        "1e3",
        "-",
        "",
        "x",
        "\"1\"",
        "+1"
      })
  void whatIsNotAWholeNumberIsRejected(String text) {
    assertThrows(IllegalArgumentException.class, () -> reader(text).nextLong());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[,1]",
        "[1 2]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{1:1}",
        "{a:1}",
        "\"",
        "\"\\",
        "\"a\nb\"",
        "tru",
        "nul",
        "[1}",
        "{\"a\":1]",
        "1x",
        "--1",
        "NaN"
      })
  void brokenTextIsRejected(String text) {
    assertThrows(
        IllegalArgumentException.class,
        () -> {
          JsonReader json = reader(text);
          json.skipValue();
          json.end();
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\"
      })
  void brokenEscapesAreRejected(String text) {
    assertThrows(IllegalArgumentException.class, () -> reader(text).nextString());
  }

  @Test
  void deepNestingIsRejected() {
    assertThrows(IllegalArgumentException.class, () -> reader("[".repeat(100_000)).skipValue());
    assertThrows(
        IllegalArgumentException.class, () -> reader("{\"a\":".repeat(100_000)).skipValue());
    reader("[".repeat(200) + "]".repeat(200)).skipValue();
  }

  private static JsonReader reader(String text) {
    return new JsonReader(text.getBytes(StandardCharsets.UTF_8));
  }
}
