package io.github.demitasse.graph;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Immutable: one operation of a graph.
 *
 * @param name unique within the graph; what selectors match and messages say
 * @param domain "" for ONNX's own operators, {@link Domains#DEMITASSE} for fused ones
 * @param operator the operator's name, such as "MatMul"
 * @param inputs names of values; "" for an absent optional input
 * @param outputs names of values; "" for an output nobody wants
 */
public record Node(
    String name,
    String domain,
    String operator,
    List<String> inputs,
    List<String> outputs,
    Map<String, Attribute> attributes) {

  public Node {
    domain = domain.equals("ai.onnx") ? "" : domain;
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    attributes = Map.copyOf(attributes);
  }

  public static Node of(String name, String operator, List<String> inputs, List<String> outputs) {
    return new Node(name, "", operator, inputs, outputs, Map.of());
  }

  /** True for ONNX's operator of this name. */
  public boolean is(String onnxOperator) {
    return domain.isEmpty() && operator.equals(onnxOperator);
  }

  /** True for the operator {@code operator} of {@code domain}. */
  public boolean is(String domain, String operator) {
    return this.domain.equals(domain) && this.operator.equals(operator);
  }

  public boolean hasInput(int index) {
    return index < inputs.size() && !inputs.get(index).isEmpty();
  }

  public boolean hasOutput(int index) {
    return index < outputs.size() && !outputs.get(index).isEmpty();
  }

  public String input(int index) {
    return inputs.get(index);
  }

  public String output(int index) {
    return outputs.get(index);
  }

  public long integer(String attribute, long otherwise) {
    return attributes.get(attribute) instanceof Attribute.OfInteger a ? a.value() : otherwise;
  }

  public float number(String attribute, float otherwise) {
    return attributes.get(attribute) instanceof Attribute.OfFloat a ? a.value() : otherwise;
  }

  public String text(String attribute, String otherwise) {
    return attributes.get(attribute) instanceof Attribute.OfString a ? a.value() : otherwise;
  }

  /** The list of integers, or null when the attribute is absent. */
  public long[] integers(String attribute) {
    if (!(attributes.get(attribute) instanceof Attribute.OfIntegers a)) {
      return null;
    }
    long[] values = new long[a.value().size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = a.value().get(i);
    }
    return values;
  }

  public Node withInputs(List<String> newInputs) {
    return new Node(name, domain, operator, newInputs, outputs, attributes);
  }

  public Node withOutputs(List<String> newOutputs) {
    return new Node(name, domain, operator, inputs, newOutputs, attributes);
  }

  public Node withAttribute(String key, Attribute value) {
    Map<String, Attribute> changed = new LinkedHashMap<>(attributes);
    changed.put(key, value);
    return new Node(name, domain, operator, inputs, outputs, changed);
  }

  /** The operator with its domain, as messages name it. */
  public String qualifiedOperator() {
    return domain.isEmpty() ? operator : domain + "::" + operator;
  }

  @Override
  public String toString() {
    return name + " = " + qualifiedOperator() + inputs + " -> " + outputs;
  }
}
