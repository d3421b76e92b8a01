package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Not thread-safe: a graph as JSON. Maps are written in the order of their keys. */
final class GraphWriter {
  private final JsonGenerator json;
  private final TensorStore.Sink tensors;

  GraphWriter(JsonGenerator json, TensorStore.Sink tensors) {
    this.json = json;
    this.tensors = tensors;
  }

  void write(Graph graph) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", graph.name());
    json.writeObjectFieldStart("opsets");
    for (Map.Entry<String, Integer> opset : new TreeMap<>(graph.opsets()).entrySet()) {
      json.writeNumberField(opset.getKey(), opset.getValue());
    }
    json.writeEndObject();
    writeValues("inputs", graph.inputs());
    writeValues("outputs", graph.outputs());
    json.writeArrayFieldStart("nodes");
    for (Node node : graph.nodes()) {
      write(node);
    }
    json.writeEndArray();
    writeValues("values", new TreeMap<>(graph.values()).values());
    json.writeEndObject();
  }

  private void writeValues(String field, Collection<ValueInfo> values) throws IOException {
    json.writeArrayFieldStart(field);
    for (ValueInfo value : values) {
      json.writeStartObject();
      json.writeStringField("name", value.name());
      if (value.type() != null) {
        json.writeStringField("type", value.type().name());
      }
      if (value.shape() != null) {
        json.writeArrayFieldStart("shape");
        for (Dimension dimension : value.shape().dimensions()) {
          if (dimension instanceof Dimension.Known known) {
            json.writeNumber(known.value());
          } else if (dimension instanceof Dimension.Symbol symbol) {
            json.writeString(symbol.name());
          } else {
            json.writeNull();
          }
        }
        json.writeEndArray();
      }
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void write(Node node) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", node.name());
    if (!node.domain().isEmpty()) {
      json.writeStringField("domain", node.domain());
    }
    json.writeStringField("operator", node.operator());
    writeTexts("inputs", node.inputs());
    writeTexts("outputs", node.outputs());
    if (!node.attributes().isEmpty()) {
      json.writeObjectFieldStart("attributes");
      for (Map.Entry<String, Attribute> entry : new TreeMap<>(node.attributes()).entrySet()) {
        json.writeObjectFieldStart(entry.getKey());
        write(entry.getValue(), "__attribute__." + node.name() + "." + entry.getKey());
        json.writeEndObject();
      }
      json.writeEndObject();
    }
    json.writeEndObject();
  }

  private void writeTexts(String field, List<String> texts) throws IOException {
    json.writeArrayFieldStart(field);
    for (String text : texts) {
      json.writeString(text);
    }
    json.writeEndArray();
  }

  /** Writes an attribute as one field that names its kind. */
  private void write(Attribute attribute, String tensorName) throws IOException {
    if (attribute instanceof Attribute.OfInteger value) {
      json.writeNumberField("integer", value.value());
    } else if (attribute instanceof Attribute.OfFloat value) {
      json.writeNumberField("float", value.value());
    } else if (attribute instanceof Attribute.OfString value) {
      json.writeStringField("string", value.value());
    } else if (attribute instanceof Attribute.OfTensor value) {
      json.writeFieldName("tensor");
      tensors.write(json, value.value(), tensorName);
    } else if (attribute instanceof Attribute.OfGraph value) {
      json.writeFieldName("graph");
      write(value.value());
    } else if (attribute instanceof Attribute.OfIntegers value) {
      json.writeArrayFieldStart("integers");
      for (long number : value.value()) {
        json.writeNumber(number);
      }
      json.writeEndArray();
    } else if (attribute instanceof Attribute.OfFloats value) {
      json.writeArrayFieldStart("floats");
      for (float number : value.value()) {
        json.writeNumber(number);
      }
      json.writeEndArray();
    } else if (attribute instanceof Attribute.OfStrings value) {
      writeTexts("strings", value.value());
    } else if (attribute instanceof Attribute.Uninterpreted value) {
      ByteBuffer content = value.content();
      byte[] bytes = new byte[content.remaining()];
      content.get(bytes);
      json.writeNumberField("kind", value.kind());
      json.writeBinaryField("uninterpreted", bytes);
    }
  }
}
