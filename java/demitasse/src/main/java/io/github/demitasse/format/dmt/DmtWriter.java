package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.Model;
import io.github.demitasse.format.safetensors.SafetensorsWriter;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.Weight;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Thread-safe: writes Demitasse's own container: a safetensors file (see {@link SafetensorsWriter}
 * for how tensors are aligned in it) with these entries in its metadata:
 *
 * <ul>
 *   <li>{@code format}: "demitasse"
 *   <li>{@code demitasse.model}: JSON: {@code version}; {@code graph} with opsets, inputs, outputs,
 *       nodes and values; {@code weights} in order, each with its name, its encoding, the
 *       encoding's fields, and the names of the tensors that are its parts ({@code parts} is left
 *       out if the only part is the tensor of the weight's name); {@code metadata}
 * </ul>
 *
 * <p>A dense weight's tensor has the weight's name; parts of others are named {@code weight.codes},
 * {@code weight.scales} and so on, so that other readers of safetensors find them.
 */
public final class DmtWriter {
  /** The newest version of the format that this library knows. */
  static final int VERSION = 1;

  static final String FORMAT = "format";
  static final String FORMAT_NAME = "demitasse";
  static final String MODEL = "demitasse.model";

  private DmtWriter() {}

  /**
   * @throws UncheckedIOException if the file cannot be written; then it is left as it was
   */
  public static void write(Model model, Path file) {
    TensorStore.Sink tensors = new TensorStore.Sink();
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeNumberField("version", VERSION);
      // Before the weights: the graph can be read while the file is still being mapped.
      json.writeFieldName("graph");
      new GraphWriter(json, tensors).write(model.graph());
      json.writeArrayFieldStart("weights");
      for (Map.Entry<String, Weight> entry : model.weights().entrySet()) {
        write(entry.getKey(), entry.getValue(), json, tensors);
      }
      json.writeEndArray();
      json.writeObjectFieldStart("metadata");
      for (Map.Entry<String, String> entry : new TreeMap<>(model.metadata()).entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(FORMAT, FORMAT_NAME);
    metadata.put(MODEL, text.toString());
    SafetensorsWriter.write(tensors.tensors(), metadata, file);
  }

  private static <W extends Weight> void write(
      String name, W weight, JsonGenerator json, TensorStore.Sink tensors) throws IOException {
    WeightEncoding<W> encoding = WeightEncoding.of(weight);
    json.writeStartObject();
    json.writeStringField("name", name);
    json.writeStringField("encoding", encoding.name());
    encoding.write(weight, json);
    Tensor only = weight.parts().size() == 1 ? weight.parts().get("") : null;
    boolean obvious =
        only != null
            && SafetensorsWriter.hasType(only.type())
            && tensors.store(only, name).equals(name);
    if (!obvious) {
      writeParts(name, weight, json, tensors);
    }
    json.writeEndObject();
  }

  private static void writeParts(
      String name, Weight weight, JsonGenerator json, TensorStore.Sink tensors) throws IOException {
    json.writeObjectFieldStart("parts");
    for (Map.Entry<String, Tensor> part : weight.parts().entrySet()) {
      json.writeFieldName(part.getKey());
      String role = part.getKey().isEmpty() ? "" : "." + part.getKey();
      tensors.write(json, part.getValue(), name + role);
    }
    json.writeEndObject();
  }
}
