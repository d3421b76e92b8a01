package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.format.JsonReader;
import io.github.demitasse.format.safetensors.SafetensorsFile;
import io.github.demitasse.format.safetensors.SafetensorsWriter;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Not thread-safe: how the graph refers to tensors of the file: by name; where safetensors lacks
 * the element type, by an object of name, type and shape, and the file has the bytes as U8.
 */
final class TensorStore {
  private TensorStore() {}

  /** Collects the tensors of a file that is written. */
  static final class Sink {
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final Map<Tensor, String> names = new IdentityHashMap<>();

    /** Stores a tensor once, under a free name like the wanted one; returns its name. */
    String store(Tensor tensor, String wanted) {
      String name = names.get(tensor);
      if (name == null) {
        name = freeName(wanted);
        names.put(tensor, name);
        tensors.put(name, tensor);
      }
      return name;
    }

    /** Stores a tensor and writes the reference to it. */
    void write(JsonGenerator json, Tensor tensor, String wanted) throws IOException {
      String name = store(tensor, wanted);
      if (SafetensorsWriter.hasType(tensor.type())) {
        json.writeString(name);
        return;
      }
      json.writeStartObject();
      json.writeStringField("tensor", name);
      json.writeStringField("type", tensor.type().name());
      json.writeFieldName("shape");
      json.writeArray(tensor.shape(), 0, tensor.rank());
      json.writeEndObject();
    }

    private String freeName(String wanted) {
      String base = wanted.startsWith("__") ? "~" + wanted : wanted;
      String name = base;
      for (int i = 2; tensors.containsKey(name); i++) {
        name = base + "~" + i;
      }
      return name;
    }

    Map<String, Tensor> tensors() {
      return tensors;
    }
  }

  /** Gives the tensors of a file that is read. */
  static final class Source {
    private final SafetensorsFile file;
    private final Map<String, DataType> types = new LinkedHashMap<>();

    Source(SafetensorsFile file) {
      this.file = file;
      for (DataType type : DataType.values()) {
        types.put(type.name(), type);
      }
    }

    /** The tensor that the next value refers to. */
    Tensor read(JsonReader json) {
      if (json.peek() == '"') {
        return file.tensor(json.nextString());
      }
      String name = null;
      DataType type = null;
      long[] shape = null;
      json.beginObject();
      while (json.hasNextMember()) {
        switch (json.nextName()) {
          case "tensor" -> name = json.nextString();
          case "type" -> type = type(json.nextString());
          case "shape" -> shape = json.nextLongs();
          default -> json.skipValue();
        }
      }
      if (name == null || type == null || shape == null) {
        throw new IllegalArgumentException("a reference to a tensor needs tensor, type and shape");
      }
      return file.tensor(name, type, shape);
    }

    /** The tensor of this name. */
    Tensor named(String name) {
      return file.tensor(name);
    }

    DataType type(String name) {
      DataType type = types.get(name);
      if (type == null) {
        throw new IllegalArgumentException("unknown element type '" + name + "'");
      }
      return type;
    }
  }
}
