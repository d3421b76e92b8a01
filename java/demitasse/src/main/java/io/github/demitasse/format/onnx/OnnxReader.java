package io.github.demitasse.format.onnx;

import io.github.demitasse.Model;
import io.github.demitasse.ModelFormatException;
import io.github.demitasse.format.GraphChecks;
import io.github.demitasse.format.MappedFile;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.ModelProto;
import io.github.demitasse.format.onnx.proto.OperatorSetIdProto;
import io.github.demitasse.format.onnx.proto.StringStringEntryProto;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: reads ONNX models of IR version 3 or newer.
 *
 * <p>Initializers and {@code Constant} nodes become weights, also those that are listed among the
 * graph's inputs (IR 3 demands it; a caller cannot override them). Nodes without a name get one,
 * nodes out of order are sorted, calls of functions that the model defines are replaced by the
 * functions' nodes. Operators and their versions are not judged here.
 */
public final class OnnxReader {
  /** Keys of {@link Model#metadata()} that hold fields of the {@code ModelProto}. */
  static final String PRODUCER_NAME = "onnx.producer_name";

  static final String PRODUCER_VERSION = "onnx.producer_version";
  static final String MODEL_DOMAIN = "onnx.domain";
  static final String MODEL_VERSION = "onnx.model_version";
  static final String DOC_STRING = "onnx.doc_string";

  private static final int OLDEST_IR = 3;

  private OnnxReader() {}

  /**
   * @throws ModelFormatException if the file is broken
   * @throws java.io.UncheckedIOException if it, or a file with external data, cannot be read
   */
  public static Model read(Path file) {
    try (MappedFile mapped = MappedFile.open(file)) {
      return read(file, mapped.slice(0, mapped.size()));
    }
  }

  /**
   * Reads a model from memory; its weights are views of it where alignment allows.
   *
   * @param file where the content came from: for messages, and external data is looked for beside
   *     it; null if it did not come from a file
   * @param content a direct buffer that nobody changes as long as the model is in use
   */
  public static Model read(Path file, ByteBuffer content) {
    OnnxParser.Parsed parsed = OnnxParser.parse(file, content);
    ModelProto proto = parsed.model();
    if (!proto.hasGraph()) {
      throw new ModelFormatException(file, -1, "not an ONNX model: it has no graph");
    }
    if (proto.getIrVersion() < OLDEST_IR) {
      throw new ModelFormatException(
          file, -1, "IR version " + proto.getIrVersion() + "; the oldest supported is 3");
    }
    Map<String, Integer> opsets = opsets(file, proto.getOpsetImportList());
    GraphProto graphProto = withoutCalls(file, proto, opsets);
    try (ExternalData external = new ExternalData(file)) {
      Map<String, Weight> weights = new LinkedHashMap<>();
      for (OnnxParser.Initializer initializer : parsed.initializers()) {
        String name = initializer.proto().getName();
        Tensor tensor =
            OnnxTensors.tensor(file, initializer.proto(), initializer.rawData(), external);
        if (name.isEmpty() || weights.put(name, new DenseWeight(tensor)) != null) {
          throw new ModelFormatException(
              file,
              -1,
              name.isEmpty()
                  ? "an initializer without a name"
                  : "initializer '" + name + "' is defined twice");
        }
      }
      OnnxGraphReader reader = new OnnxGraphReader(file, opsets, external);
      Graph graph = reader.readMain(graphProto, weights);
      return new Model(checked(file, graph, weights), weights, metadata(proto));
    }
  }

  private static GraphProto withoutCalls(Path file, ModelProto proto, Map<String, Integer> opsets) {
    try {
      return OnnxFunctions.inline(proto, opsets);
    } catch (IllegalArgumentException invalid) {
      throw new ModelFormatException(file, -1, invalid.getMessage(), invalid);
    }
  }

  private static Graph checked(Path file, Graph graph, Map<String, Weight> weights) {
    try {
      return GraphChecks.checked(graph, weights.keySet());
    } catch (IllegalArgumentException invalid) {
      throw new ModelFormatException(file, -1, invalid.getMessage(), invalid);
    }
  }

  private static Map<String, Integer> opsets(Path file, List<OperatorSetIdProto> imports) {
    Map<String, Integer> opsets = new LinkedHashMap<>();
    for (OperatorSetIdProto entry : imports) {
      String domain = entry.getDomain().equals("ai.onnx") ? Domains.ONNX : entry.getDomain();
      if (entry.getVersion() < 0 || entry.getVersion() > Integer.MAX_VALUE) {
        throw new ModelFormatException(
            file, -1, "version " + entry.getVersion() + " of operator domain '" + domain + "'");
      }
      Integer other = opsets.put(domain, (int) entry.getVersion());
      if (other != null && other != entry.getVersion()) {
        throw new ModelFormatException(
            file, -1, "operator domain '" + domain + "' is imported in two versions");
      }
    }
    if (opsets.isEmpty()) {
      throw new ModelFormatException(file, -1, "the model imports no operator set");
    }
    return opsets;
  }

  private static Map<String, String> metadata(ModelProto proto) {
    Map<String, String> metadata = new LinkedHashMap<>();
    putUnlessEmpty(metadata, PRODUCER_NAME, proto.getProducerName());
    putUnlessEmpty(metadata, PRODUCER_VERSION, proto.getProducerVersion());
    putUnlessEmpty(metadata, MODEL_DOMAIN, proto.getDomain());
    putUnlessEmpty(metadata, DOC_STRING, proto.getDocString());
    if (proto.getModelVersion() != 0) {
      metadata.put(MODEL_VERSION, Long.toString(proto.getModelVersion()));
    }
    for (StringStringEntryProto entry : proto.getMetadataPropsList()) {
      metadata.putIfAbsent(entry.getKey(), entry.getValue());
    }
    return metadata;
  }

  private static void putUnlessEmpty(Map<String, String> metadata, String key, String value) {
    if (!value.isEmpty()) {
      metadata.put(key, value);
    }
  }
}
