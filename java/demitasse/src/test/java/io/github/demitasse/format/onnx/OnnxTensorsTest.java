package io.github.demitasse.format.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.StringStringEntryProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class OnnxTensorsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(value = DataType.class, mode = EnumSource.Mode.EXCLUDE, names = "STRING")
  void rawDataOfEveryTypeIsRead(DataType type) {
    byte[] bytes = new byte[(int) type.bytes(6)];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (type == DataType.BOOL ? i & 1 : 31 * i + 1);
    }
    Tensor tensor = read(OnnxProtos.tensor("t", type, 2, 3).setRawData(ByteString.copyFrom(bytes)));
    assertEquals(type, tensor.type());
    assertArrayEquals(new long[] {2, 3}, tensor.shape());
    assertArrayEquals(bytes, tensor.toBytes());
  }

  @Test
  void floatingTypedDataIsRead() {
    assertArrayEquals(
        new float[] {1.5f, -2},
        read(OnnxProtos.tensor("t", DataType.FLOAT32, 2).addFloatData(1.5f).addFloatData(-2))
            .toFloats());
    assertArrayEquals(
        new float[] {1.5f},
        read(OnnxProtos.tensor("t", DataType.FLOAT64, 1).addDoubleData(1.5)).toFloats());
    assertArrayEquals(
        new float[] {1, -2},
        read(OnnxProtos.tensor("t", DataType.FLOAT16, 2).addInt32Data(0x3c00).addInt32Data(0xc000))
            .toFloats());
    assertArrayEquals(
        new float[] {1},
        read(OnnxProtos.tensor("t", DataType.BFLOAT16, 1).addInt32Data(0x3f80)).toFloats());
    Tensor complex =
        read(OnnxProtos.tensor("t", DataType.COMPLEX64, 1).addFloatData(1).addFloatData(2));
    assertEquals(2, complex.buffer().getFloat(4));
    complex =
        read(OnnxProtos.tensor("t", DataType.COMPLEX128, 1).addDoubleData(1).addDoubleData(2));
    assertEquals(2, complex.buffer().getDouble(8));
  }

  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT16", "INT32", "BOOL", "UINT8", "UINT16"})
  void integersOf32BitsAndLessAreRead(DataType type) {
    assertArrayEquals(
        new long[] {1, 0},
        read(OnnxProtos.tensor("t", type, 2).addInt32Data(1).addInt32Data(0)).toLongs());
  }

  @Test
  void negativeAndLargeIntegersAreRead() {
    assertArrayEquals(
        new long[] {-1}, read(OnnxProtos.tensor("t", DataType.INT8, 1).addInt32Data(-1)).toLongs());
    assertArrayEquals(
        new long[] {200},
        read(OnnxProtos.tensor("t", DataType.UINT8, 1).addInt32Data(200)).toLongs());
    assertArrayEquals(
        new long[] {Long.MIN_VALUE},
        read(OnnxProtos.tensor("t", DataType.INT64, 1).addInt64Data(Long.MIN_VALUE)).toLongs());
    assertArrayEquals(
        new long[] {-1},
        read(OnnxProtos.tensor("t", DataType.UINT64, 1).addUint64Data(-1)).toLongs());
    assertArrayEquals(
        new long[] {0xffffffffL},
        read(OnnxProtos.tensor("t", DataType.UINT32, 1).addUint64Data(0xffffffffL)).toLongs());
    assertArrayEquals(
        new long[] {1}, read(OnnxProtos.tensor("t", DataType.BOOL, 1).addInt32Data(77)).toLongs());
    assertArrayEquals(
        new long[] {1, 0},
        read(OnnxProtos.tensor("t", DataType.BOOL, 2)
                .setRawData(ByteString.copyFrom(new byte[] {77, 0})))
            .toLongs());
  }

  @Test
  void fourBitIntegersAreTwoToAnEntry() {
    assertArrayEquals(
        new long[] {-1, 7, -8},
        read(OnnxProtos.tensor("t", DataType.INT4, 3).addInt32Data(0x7f).addInt32Data(0x08))
            .toLongs());
    assertArrayEquals(
        new long[] {15, 7, 8},
        read(OnnxProtos.tensor("t", DataType.UINT4, 3).addInt32Data(0x7f).addInt32Data(0x08))
            .toLongs());
  }

  @Test
  void stringsAreRead() {
    Tensor tensor =
        read(
            OnnxProtos.tensor("t", DataType.STRING, 2)
                .addStringData(ByteString.copyFromUtf8("Ω"))
                .addStringData(ByteString.EMPTY));
    assertArrayEquals(new String[] {"Ω", ""}, tensor.toStrings());
  }

  @Test
  void alignedInitializersAreViewsAndOthersCopies() {
    // The head of the second tensor is one byte longer: at least one of both is not aligned.
    GraphProto.Builder graph =
        OnnxProtos.graph(OnnxProtos.node("Relu", List.of("x"), List.of("y")))
            .addInitializer(floats("a"))
            .addInitializer(floats("ab"))
            .addInitializer(floats("abc"))
            .addInitializer(floats("abcd"));
    Model model = OnnxProtos.read(OnnxProtos.model(graph), folder);
    int views = 0;
    for (String name : List.of("a", "ab", "abc", "abcd")) {
      Tensor tensor = ((DenseWeight) model.weights().get(name)).tensor();
      assertArrayEquals(new float[] {1, 2}, tensor.toFloats());
      assertEquals(0, tensor.buffer().alignmentOffset(0, 4));
      views += tensor.ownsMemory() ? 0 : 1;
    }
    assertTrue(views >= 1 && views <= 3, views + " views");
  }

  private static TensorProto.Builder floats(String name) {
    ByteBuffer raw = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    raw.putFloat(1).putFloat(2).flip();
    return OnnxProtos.tensor(name, DataType.FLOAT32, 2).setRawData(ByteString.copyFrom(raw));
  }

  @Test
  void impossibleTensorsAreFormatErrors() {
    List<TensorProto.Builder> broken =
        List.of(
            OnnxProtos.tensor("t", DataType.FLOAT32, 2).addFloatData(1),
            OnnxProtos.tensor("t", DataType.FLOAT32, 2).addInt32Data(1).addInt32Data(1),
            OnnxProtos.tensor("t", DataType.FLOAT32, 2)
                .setRawData(ByteString.copyFrom(new byte[7])),
            OnnxProtos.tensor("t", DataType.FLOAT32, 2),
            OnnxProtos.tensor("t", DataType.FLOAT32, -1),
            OnnxProtos.tensor("t", DataType.FLOAT32, 1L << 40),
            OnnxProtos.tensor("t", DataType.FLOAT32, 1L << 32, 1L << 32, 1L << 32),
            OnnxProtos.tensor("t", DataType.FLOAT32, Long.MAX_VALUE, Long.MAX_VALUE, 0),
            OnnxProtos.tensor("t", DataType.COMPLEX128, Long.MAX_VALUE / 16),
            OnnxProtos.tensor("t", DataType.STRING, 2).addStringData(ByteString.EMPTY),
            OnnxProtos.tensor("t", DataType.STRING, -1),
            OnnxProtos.tensor("t", DataType.INT4, 3).addInt32Data(1),
            OnnxProtos.tensor("t", DataType.FLOAT32).setDataType(0),
            OnnxProtos.tensor("t", DataType.FLOAT32).setDataType(99),
            OnnxProtos.tensor("t", DataType.FLOAT32).setDataType(-5));
    for (TensorProto.Builder tensor : broken) {
      ModelFormatException failed =
          assertThrows(ModelFormatException.class, () -> read(tensor), tensor::toString);
      assertTrue(failed.getMessage().contains("'t'"), failed.getMessage());
    }
  }

  @Test
  void externalDataIsReadFromTheModelsFolder() throws IOException {
    ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    data.putFloat(8, 3).putFloat(12, 4);
    Files.createDirectory(folder.resolve("sub"));
    Files.write(folder.resolve("sub/data.bin"), data.array());
    Tensor tensor = read(external("sub/data.bin", "8", "8"));
    assertArrayEquals(new float[] {3, 4}, tensor.toFloats());
    assertFalse(tensor.ownsMemory());
    assertArrayEquals(new float[] {3, 4}, read(external("./sub/data.bin", "8", null)).toFloats());
    assertArrayEquals(new float[] {0, 0}, read(external("sub/data.bin", null, null)).toFloats());
  }

  @ParameterizedTest
  @CsvSource({
    "data.bin,17,8",
    "data.bin,-1,8",
    "data.bin,9223372036854775807,8",
    "data.bin,0,4",
    "data.bin,0,-8",
    "data.bin,x,8",
    "data.bin,0,x",
    "missing.bin,0,8",
    ".,0,8",
    "'',0,8",
    "../data.bin,0,8",
    "sub/../../data.bin,0,8",
    "/etc/passwd,0,8",
    "link.bin,0,8"
  })
  void externalDataElsewhereIsRejected(String location, String offset, String length)
      throws IOException {
    Path inner = Files.createDirectory(folder.resolve("inner"));
    Files.write(folder.resolve("data.bin"), new byte[24]);
    Files.write(inner.resolve("data.bin"), new byte[24]);
    Files.createSymbolicLink(inner.resolve("link.bin"), folder.resolve("data.bin"));
    folder = inner;
    ModelFormatException failed =
        assertThrows(ModelFormatException.class, () -> read(external(location, offset, length)));
    assertTrue(failed.getMessage().contains("data") || failed.offset() >= 0, failed.getMessage());
  }

  @Test
  void externalDataBeyondTwoGigabytesIsMapped() throws IOException {
    long offset = 5L << 30;
    try (RandomAccessFile sparse =
        new RandomAccessFile(folder.resolve("large.bin").toFile(), "rw")) {
      sparse.setLength(offset + 8);
      sparse.seek(offset);
      sparse.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putFloat(5).array());
    }
    Tensor tensor = read(external("large.bin", Long.toString(offset), "8"));
    assertArrayEquals(new float[] {5, 0}, tensor.toFloats());
  }

  @Test
  void externalDataNeedsAFile() {
    byte[] bytes = external("data.bin", "0", "8").build().toByteArray();
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    OnnxParser.Initializer parsed = OnnxParser.parseTensor(null, direct);
    try (ExternalData external = new ExternalData(null)) {
      assertThrows(
          ModelFormatException.class,
          () -> OnnxTensors.tensor(null, parsed.proto(), parsed.rawData(), external));
    }
  }

  private static TensorProto.Builder external(String location, String offset, String length) {
    TensorProto.Builder tensor =
        OnnxProtos.tensor("t", DataType.FLOAT32, 2).setDataLocation(OnnxTensors.EXTERNAL);
    add(tensor, "location", location);
    add(tensor, "offset", offset);
    add(tensor, "length", length);
    return tensor;
  }

  private static void add(TensorProto.Builder tensor, String key, String value) {
    if (value != null) {
      tensor.addExternalData(StringStringEntryProto.newBuilder().setKey(key).setValue(value));
    }
  }

  private Tensor read(TensorProto.Builder tensor) {
    try {
      return OnnxTensors.read(Files.write(folder.resolve("t.pb"), tensor.build().toByteArray()));
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
