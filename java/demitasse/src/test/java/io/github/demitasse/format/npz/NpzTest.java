package io.github.demitasse.format.npz;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.ModelFormatException;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.TestModels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpzTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      value = DataType.class,
      names = {
        "FLOAT16",
        "FLOAT32",
        "FLOAT64",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "BOOL",
        "COMPLEX64",
        "COMPLEX128"
      })
  void everyNumericTypeComesBack(DataType type) {
    Tensor tensor = Tensor.allocate(type, 2, 3, 1);
    ByteBuffer bytes = tensor.buffer();
    for (int i = 0; i < bytes.limit(); i++) {
      bytes.put(i, (byte) (type == DataType.BOOL ? i & 1 : i * 31));
    }
    TestModels.assertSame(tensor, roundTrip(tensor));
  }

  @Test
  void scalarsEmptyArraysAndTextComeBack() {
    TestModels.assertSame(Tensor.scalar(3f), roundTrip(Tensor.scalar(3f)));
    Tensor empty = Tensor.allocate(DataType.INT64, 3, 0, 2);
    TestModels.assertSame(empty, roundTrip(empty));
    Tensor text = Tensor.of(new String[] {"a", "", "Ω\uD83D\uDE00"}, 3);
    TestModels.assertSame(text, roundTrip(text));
    Tensor nothing = Tensor.of(new String[] {"", ""}, 2);
    TestModels.assertSame(nothing, roundTrip(nothing));
  }

  @Test
  void typesThatNumpyLacksAreWidened() {
    Tensor brain = Tensor.fromFloats(DataType.BFLOAT16, new float[] {1.5f, -2}, 2);
    assertArrayEquals(new float[] {1.5f, -2}, roundTrip(brain).toFloats());
    Tensor small = Tensor.ofBytes(DataType.INT4, new byte[] {(byte) 0x8f}, 2);
    assertEquals(DataType.INT8, roundTrip(small).type());
    assertArrayEquals(new long[] {-1, -8}, roundTrip(small).toLongs());
    assertThrows(
        IllegalArgumentException.class, () -> roundTrip(Tensor.allocate(DataType.FLOAT8E5M2, 1)));
  }

  @Test
  void namesAndOrderComeBack() {
    Map<String, Tensor> arrays = new LinkedHashMap<>();
    arrays.put("z", Tensor.scalar(1f));
    arrays.put("input/ids", Tensor.scalar(2L));
    arrays.put("Ω", Tensor.scalar(3L));
    Path file = folder.resolve("a.npz");
    Npz.write(arrays, file);
    assertEquals(List.of("z", "input/ids", "Ω"), new ArrayList<>(Npz.read(file).keySet()));
  }

  @Test
  void headersLookAsNumpyWritesThem() {
    byte[] header =
        new NpyHeader(NpyType.of(DataType.FLOAT32, 0), false, new long[] {2, 3}).encode();
    assertEquals(0, header.length % 64);
    assertEquals(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        new String(header, 10, header.length - 10, StandardCharsets.US_ASCII).trim());
    assertEquals('\n', header[header.length - 1]);
    assertTrue(headerText(5).contains("'shape': (5,), "));
    assertTrue(headerText().contains("'shape': (), "));
  }

  private static String headerText(long... shape) {
    return new String(
        new NpyHeader(NpyType.of(DataType.INT8, 0), false, shape).encode(),
        StandardCharsets.ISO_8859_1);
  }

  @Test
  void columnOrderBecomesRowOrder() throws IOException {
    byte[] data = {0, 3, 1, 4, 2, 5}; // [[0, 1, 2], [3, 4, 5]] by columns
    Path file = npy("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3)}", data);
    Tensor tensor = Npz.readArray(file);
    assertArrayEquals(new long[] {0, 1, 2, 3, 4, 5}, tensor.toLongs());
    assertArrayEquals(new long[] {2, 3}, tensor.shape());
  }

  @Test
  void columnOrderOfThreeDimensionsBecomesRowOrder() throws IOException {
    byte[] data = new byte[24];
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 3; j++) {
        for (int k = 0; k < 4; k++) {
          data[i + 2 * (j + 3 * k)] = (byte) ((i * 3 + j) * 4 + k);
        }
      }
    }
    Path file = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", data);
    long[] values = Npz.readArray(file).toLongs();
    for (int i = 0; i < 24; i++) {
      assertEquals(i, values[i]);
    }
  }

  @Test
  void bigEndianIsTurned() throws IOException {
    byte[] data = ByteBuffer.allocate(8).putFloat(1.5f).putFloat(-2).array();
    Path file = npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", data);
    assertArrayEquals(new float[] {1.5f, -2}, Npz.readArray(file).toFloats());
    byte[] text = ByteBuffer.allocate(8).putInt('a').putInt('b').array();
    file = npy("{'descr': '>U2', 'fortran_order': False, 'shape': (), }", text);
    assertArrayEquals(new String[] {"ab"}, Npz.readArray(file).toStrings());
    file = npy("{'descr': '|S3', 'fortran_order': False, 'shape': (1,), }", new byte[] {97, 98, 0});
    assertArrayEquals(new String[] {"ab"}, Npz.readArray(file).toStrings());
  }

  @Test
  void deflatedArraysAreRead() throws IOException {
    Path plain = folder.resolve("plain.npz");
    Tensor tensor = Tensor.of(new float[1000], 1000);
    Npz.write(Map.of("a", tensor), plain);
    Path file = folder.resolve("deflated.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("a.npy"));
      zip.write(
          npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1000,)}", new byte[4000]));
      zip.closeEntry();
    }
    TestModels.assertSame(tensor, Npz.read(file).get("a"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f99999999999', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<U999999999', 'fortran_order': False, 'shape': (0,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 2, }",
        "{'descr': '<f4', 'fortran_order': False, }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,",
        "{'descr",
        "{",
        ""
      })
  void hostileHeadersAreRejected(String header) throws IOException {
    Path file = npy(header, new byte[8]);
    assertThrows(ModelFormatException.class, () -> Npz.readArray(file));
  }

  @Test
  void aHeaderThatClaimsMoreThanTheFileIsRejected() throws IOException {
    byte[] bytes = npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", new byte[8]);
    bytes[9] = (byte) 0x80;
    Path file = Files.write(folder.resolve("a.npy"), bytes);
    assertThrows(ModelFormatException.class, () -> Npz.readArray(file));
  }

  @Test
  void everyTruncationAndEveryFlippedByteIsAFormatErrorOrHarmless() throws IOException {
    Path file = folder.resolve("a.npz");
    Map<String, Tensor> arrays = new LinkedHashMap<>();
    arrays.put("a", Tensor.of(new float[] {1, 2, 3}, 3));
    arrays.put("b", Tensor.of(new String[] {"x", "yz"}, 2));
    Npz.write(arrays, file);
    byte[] bytes = Files.readAllBytes(file);
    for (int length = 0; length < bytes.length; length++) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThrows(ModelFormatException.class, () -> Npz.read(file), "length " + length);
    }
    int rejected = 0;
    for (int i = 0; i < bytes.length; i++) {
      byte[] changed = bytes.clone();
      changed[i] ^= (byte) (1 << i % 8);
      Files.write(file, changed);
      try {
        Npz.read(file);
      } catch (ModelFormatException broken) {
        rejected++;
      }
    }
    assertTrue(rejected > bytes.length / 2, rejected + " of " + bytes.length);
  }

  @Test
  void aWrongChecksumIsFound() throws IOException {
    Path file = folder.resolve("a.npz");
    Npz.write(Map.of("a", Tensor.of(new float[] {1, 2, 3}, 3)), file);
    byte[] bytes = Files.readAllBytes(file);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int data = text.indexOf('\n', text.indexOf("'shape'")) + 1;
    bytes[data] ^= 1;
    Files.write(file, bytes);
    ModelFormatException failed = assertThrows(ModelFormatException.class, () -> Npz.read(file));
    assertTrue(failed.getMessage().contains("checksum"), failed.getMessage());
  }

  @Test
  void entriesThatAreNoArraysAndMissingFilesAreNamed() throws IOException {
    Path file = folder.resolve("a.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("readme.txt"));
    }
    assertTrue(
        assertThrows(ModelFormatException.class, () -> Npz.read(file))
            .getMessage()
            .contains("readme.txt"));
    assertThrows(UncheckedIOException.class, () -> Npz.read(folder.resolve("missing.npz")));
    assertThrows(UncheckedIOException.class, () -> Npz.read(folder));
  }

  private Tensor roundTrip(Tensor tensor) {
    Path file = folder.resolve("round.npz");
    Npz.write(Map.of("a", tensor), file);
    return Npz.read(file).get("a");
  }

  private Path npy(String header, byte[] data) throws IOException {
    return Files.write(folder.resolve("array.npy"), npyBytes(header, data));
  }

  private static byte[] npyBytes(String header, byte[] data) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(NpyHeader.MAGIC);
    bytes.write(1);
    bytes.write(0);
    ByteBuffer length = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN);
    bytes.write(length.putShort((short) (header.length() + 1)).array());
    bytes.write((header + "\n").getBytes(StandardCharsets.US_ASCII));
    bytes.write(data);
    return bytes.toByteArray();
  }
}
