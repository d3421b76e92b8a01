package io.github.demitasse.format.onnx;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.github.demitasse.Model;
import io.github.demitasse.format.AtomicFileWriter;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.ModelProto;
import io.github.demitasse.format.onnx.proto.OperatorSetIdProto;
import io.github.demitasse.format.onnx.proto.StringStringEntryProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.graph.rewrite.ExpandFusedOperators;
import io.github.demitasse.graph.rewrite.OpsetUpgrade;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Thread-safe: writes ONNX models.
 *
 * <p>Encoded weights become initializers and nodes that decode them, see {@link StoredWeights};
 * fused operators are said in plain ONNX. Where either needs a newer operator set, the model is
 * brought to {@link OpsetUpgrade#TARGET} if that is possible. Tensors go from their memory to the
 * file without being copied. A model of 2 GB or more keeps them in a second file beside it, {@code
 * NAME.data}; a file of that name is never overwritten, another name is chosen.
 */
public final class OnnxWriter {
  /** Where the bytes of initializers go. */
  public enum Storage {
    /** Into the model's file; beside it if they have 2 GB or more. */
    AUTOMATIC,
    /** Into a file beside the model. */
    EXTERNAL
  }

  /** How products with weights of 4 bits, or of 8 bits in groups, are said. */
  public enum GroupedWeights {
    /** DequantizeLinear and MatMul: plain ONNX, which every runtime of operator set 21 reads. */
    DEQUANTIZE_LINEAR,
    /**
     * ONNX Runtime's operator MatMulNBits (domain com.microsoft), which computes on the codes;
     * other runtimes do not know it. Where activations were quantized in rows, it is allowed to
     * quantize them (accuracy level 4), in blocks.
     */
    MATMUL_NBITS
  }

  /** Protobuf's limit is 2^31 - 1 bytes; the graph itself needs some of them. */
  private static final long LARGEST_INLINE = 2_000_000_000L;

  /** Small tensors stay in the model's file, so that shape inference can see them. */
  private static final long SMALLEST_EXTERNAL = 1024;

  /** Mapped files are shared and advised page by page; ONNX recommends this alignment. */
  private static final int EXTERNAL_ALIGNMENT = 4096;

  private static final int OLDEST_IR = 7;

  private OnnxWriter() {}

  /**
   * @throws UncheckedIOException if the file cannot be written; then it is left as it was
   * @throws IllegalArgumentException if the model has something that ONNX cannot express
   * @throws io.github.demitasse.UnsupportedOperatorException if a fused operator cannot be said in
   *     the model's operator set
   */
  public static void write(Model model, Path file) {
    write(model, file, Storage.AUTOMATIC, GroupedWeights.DEQUANTIZE_LINEAR);
  }

  /** As {@link #write(Model, Path)}. */
  public static void write(Model model, Path file, Storage storage, GroupedWeights grouped) {
    Model plain = ExpandFusedOperators.apply(model, grouped == GroupedWeights.MATMUL_NBITS);
    Model upgraded =
        StoredWeights.wantedOpset(plain) > plain.graph().opset()
            ? OpsetUpgrade.apply(plain)
            : plain;
    StoredWeights.Result stored = StoredWeights.of(upgraded);
    checkInputs(stored.graph());
    long bytes = stored.initializers().values().stream().mapToLong(Tensor::byteSize).sum();
    if (storage == Storage.EXTERNAL || bytes > LARGEST_INLINE) {
      writeExternal(upgraded, stored, file);
    } else {
      writeInline(upgraded, stored, file);
    }
  }

  private static void checkInputs(Graph graph) {
    for (ValueInfo input : graph.inputs()) {
      if (input.type() == null) {
        throw new IllegalArgumentException(
            "input '" + input.name() + "' has no element type, which ONNX demands");
      }
    }
  }

  private static void writeInline(Model model, StoredWeights.Result stored, Path file) {
    List<ByteBuffer> pieces = new ArrayList<>();
    for (Map.Entry<String, Tensor> entry : stored.initializers().entrySet()) {
      Tensor tensor = entry.getValue();
      TensorProto head = OnnxGraphWriter.tensorHead(entry.getKey(), tensor);
      addInitializer(pieces, head, tensor.type() == DataType.STRING ? null : tensor.buffer());
    }
    writeModel(model, stored.graph(), pieces, file);
  }

  private static void writeExternal(Model model, StoredWeights.Result stored, Path file) {
    Path dataFile = freeName(file);
    List<ByteBuffer> pieces = new ArrayList<>();
    try (AtomicFileWriter data = AtomicFileWriter.create(dataFile)) {
      for (Map.Entry<String, Tensor> entry : stored.initializers().entrySet()) {
        Tensor tensor = entry.getValue();
        TensorProto head = OnnxGraphWriter.tensorHead(entry.getKey(), tensor);
        if (tensor.type() == DataType.STRING) {
          addInitializer(pieces, head, null);
        } else if (tensor.byteSize() < SMALLEST_EXTERNAL) {
          addInitializer(pieces, head, tensor.buffer());
        } else {
          data.write(ByteBuffer.allocate((int) (-data.position() & (EXTERNAL_ALIGNMENT - 1))));
          addInitializer(pieces, external(head, dataFile, data.position(), tensor), null);
          data.write(tensor.buffer());
        }
      }
      data.commit();
    }
    boolean complete = false;
    try {
      writeModel(model, stored.graph(), pieces, file);
      complete = true;
    } finally {
      if (!complete) {
        deleteQuietly(dataFile);
      }
    }
  }

  private static Path freeName(Path file) {
    Path name = file.resolveSibling(file.getFileName() + ".data");
    for (int i = 2; Files.exists(name); i++) {
      name = file.resolveSibling(file.getFileName() + "." + i + ".data");
    }
    return name;
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException stays) {
      return; // what made the writer fail is the thing to tell
    }
  }

  private static TensorProto external(TensorProto head, Path dataFile, long offset, Tensor tensor) {
    return head.toBuilder()
        .setDataLocation(OnnxTensors.EXTERNAL)
        .addExternalData(entry("location", dataFile.getFileName().toString()))
        .addExternalData(entry("offset", Long.toString(offset)))
        .addExternalData(entry("length", Long.toString(tensor.byteSize())))
        .build();
  }

  /** Adds an initializer as it is in the file: the message's head, then its raw data. */
  private static void addInitializer(List<ByteBuffer> pieces, TensorProto head, ByteBuffer raw) {
    long size = head.getSerializedSize();
    if (raw != null) {
      size += fieldSize(TensorProto.RAW_DATA_FIELD_NUMBER, raw.remaining());
    }
    long total = size;
    pieces.add(
        encoded(
            out -> {
              writeLength(out, GraphProto.INITIALIZER_FIELD_NUMBER, total);
              head.writeTo(out);
              if (raw != null) {
                writeLength(out, TensorProto.RAW_DATA_FIELD_NUMBER, raw.remaining());
              }
            }));
    if (raw != null) {
      pieces.add(raw);
    }
  }

  private static void writeModel(
      Model model, Graph graph, List<ByteBuffer> initializers, Path file) {
    ModelProto head = head(model, graph);
    GraphProto graphHead = OnnxGraphWriter.graph(graph);
    long size = graphHead.getSerializedSize();
    for (ByteBuffer piece : initializers) {
      size += piece.remaining();
    }
    if (size + head.getSerializedSize() + 16 > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the graph has " + size + " bytes; ONNX files are limited to 2 GB");
    }
    long graphSize = size;
    try (AtomicFileWriter writer = AtomicFileWriter.create(file)) {
      writer.write(
          encoded(
              out -> {
                head.writeTo(out);
                writeLength(out, ModelProto.GRAPH_FIELD_NUMBER, graphSize);
                graphHead.writeTo(out);
              }));
      for (ByteBuffer piece : initializers) {
        writer.write(piece);
      }
      writer.commit();
    }
  }

  private static ModelProto head(Model model, Graph graph) {
    Map<String, String> metadata = new TreeMap<>(model.metadata());
    ModelProto.Builder proto = ModelProto.newBuilder().setIrVersion(irVersion(model, graph));
    String producer = metadata.remove(OnnxReader.PRODUCER_NAME);
    if (producer != null) {
      proto.setProducerName(producer);
    }
    String version = metadata.remove(OnnxReader.PRODUCER_VERSION);
    if (version != null) {
      proto.setProducerVersion(version);
    }
    String domain = metadata.remove(OnnxReader.MODEL_DOMAIN);
    if (domain != null) {
      proto.setDomain(domain);
    }
    String documentation = metadata.remove(OnnxReader.DOC_STRING);
    if (documentation != null) {
      proto.setDocString(documentation);
    }
    String modelVersion = metadata.remove(OnnxReader.MODEL_VERSION);
    if (modelVersion != null && isLong(modelVersion)) {
      proto.setModelVersion(Long.parseLong(modelVersion));
    }
    metadata.forEach((key, value) -> proto.addMetadataProps(entry(key, value)));
    Map<String, Integer> opsets = new TreeMap<>(graph.opsets());
    opsets.remove(Domains.DEMITASSE);
    graph.nodes().forEach(node -> opsets.putIfAbsent(node.domain(), 1));
    opsets.forEach(
        (name, number) ->
            proto.addOpsetImport(
                OperatorSetIdProto.newBuilder().setDomain(name).setVersion(number)));
    return proto.build();
  }

  private static boolean isLong(String text) {
    try {
      Long.parseLong(text);
      return true;
    } catch (NumberFormatException notANumber) {
      return false;
    }
  }

  /** The IR version that came with the operator set, or that the newest element type needs. */
  private static int irVersion(Model model, Graph graph) {
    int opset = graph.opset();
    int version = OLDEST_IR;
    int[][] firstOpsets = {{15, 8}, {19, 9}, {21, 10}, {23, 11}, {24, 12}, {25, 13}};
    for (int[] pair : firstOpsets) {
      if (opset >= pair[0]) {
        version = pair[1];
      }
    }
    for (Weight weight : model.weights().values()) {
      for (Tensor part : weight.parts().values()) {
        version =
            Math.max(
                version,
                switch (part.type()) {
                  case FLOAT8E4M3FN, FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ -> 9;
                  case INT4, UINT4 -> 10;
                  case FLOAT4E2M1 -> 11;
                  case FLOAT8E8M0 -> 12;
                  case INT2, UINT2 -> 13;
                  default -> OLDEST_IR;
                });
      }
    }
    return version;
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  @FunctionalInterface
  private interface Encoder {
    void writeTo(CodedOutputStream out) throws IOException;
  }

  private static ByteBuffer encoded(Encoder encoder) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      encoder.writeTo(out);
      out.flush();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return ByteBuffer.wrap(bytes.toByteArray());
  }

  private static void writeLength(CodedOutputStream out, int field, long length)
      throws IOException {
    out.writeTag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
    out.writeUInt32NoTag((int) length);
  }

  private static long fieldSize(int field, int length) {
    return CodedOutputStream.computeTagSize(field)
        + CodedOutputStream.computeUInt32SizeNoTag(length)
        + (long) length;
  }
}
