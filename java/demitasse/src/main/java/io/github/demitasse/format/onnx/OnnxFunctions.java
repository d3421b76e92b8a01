package io.github.demitasse.format.onnx;

import io.github.demitasse.format.onnx.proto.AttributeProto;
import io.github.demitasse.format.onnx.proto.FunctionProto;
import io.github.demitasse.format.onnx.proto.GraphProto;
import io.github.demitasse.format.onnx.proto.ModelProto;
import io.github.demitasse.format.onnx.proto.NodeProto;
import io.github.demitasse.format.onnx.proto.OperatorSetIdProto;
import io.github.demitasse.format.onnx.proto.TensorProto;
import io.github.demitasse.format.onnx.proto.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Not thread-safe: replaces calls of functions that a model defines by the functions' nodes. Values
 * inside a call are named {@code call/value}. Faults are {@link IllegalArgumentException}s.
 */
final class OnnxFunctions {
  /** Functions that call functions can ask for exponentially many nodes. */
  private static final int MOST_NODES = 1_000_000;

  private record Key(String domain, String operator, String overload) {}

  private final Map<Key, FunctionProto> functions = new HashMap<>();
  private final Map<String, Integer> opsets;
  private final Deque<Key> calls = new ArrayDeque<>();
  private int inlined;

  private OnnxFunctions(ModelProto model, Map<String, Integer> opsets) {
    this.opsets = opsets;
    for (FunctionProto function : model.getFunctionsList()) {
      Key key = new Key(domain(function.getDomain()), function.getName(), function.getOverload());
      if (functions.put(key, function) != null) {
        throw new IllegalArgumentException("function '" + name(key) + "' is defined twice");
      }
    }
  }

  /**
   * The model's graph without calls of its functions.
   *
   * @param opsets the model's; those that functions import are added
   */
  static GraphProto inline(ModelProto model, Map<String, Integer> opsets) {
    if (model.getFunctionsCount() == 0) {
      return model.getGraph();
    }
    return new OnnxFunctions(model, opsets).inline(model.getGraph());
  }

  private GraphProto inline(GraphProto graph) {
    GraphProto.Builder result = graph.toBuilder().clearNode();
    for (int i = 0; i < graph.getNodeCount(); i++) {
      NodeProto node = graph.getNode(i);
      String name = node.getName().isEmpty() ? node.getOpType() + "_" + i : node.getName();
      result.addAllNode(inline(node, name));
    }
    return result.build();
  }

  /** The nodes that a node stands for: itself, or the body of its function. */
  private List<NodeProto> inline(NodeProto node, String name) {
    Key key = new Key(domain(node.getDomain()), node.getOpType(), node.getOverload());
    FunctionProto function = functions.get(key);
    if (function == null) {
      return List.of(withInlinedSubgraphs(node));
    }
    if (calls.contains(key)) {
      throw new IllegalArgumentException("function '" + name(key) + "' calls itself");
    }
    requireOpsets(key, function);
    calls.push(key);
    Scope scope = new Scope(function, node, name);
    List<NodeProto> nodes = new ArrayList<>();
    for (int i = 0; i < function.getNodeCount(); i++) {
      NodeProto inner = scope.rename(function.getNode(i), i);
      nodes.addAll(inline(inner, inner.getName()));
    }
    calls.pop();
    inlined += nodes.size() + 1;
    if (inlined > MOST_NODES) {
      throw new IllegalArgumentException("functions stand for more than a million nodes");
    }
    return nodes;
  }

  private NodeProto withInlinedSubgraphs(NodeProto node) {
    NodeProto.Builder result = node.toBuilder();
    for (int i = 0; i < node.getAttributeCount(); i++) {
      if (node.getAttribute(i).hasG()) {
        result.getAttributeBuilder(i).setG(inline(node.getAttribute(i).getG()));
      }
    }
    return result.build();
  }

  private void requireOpsets(Key key, FunctionProto function) {
    for (OperatorSetIdProto entry : function.getOpsetImportList()) {
      Integer version = opsets.putIfAbsent(domain(entry.getDomain()), (int) entry.getVersion());
      if (version != null && version != entry.getVersion()) {
        throw new IllegalArgumentException(
            "function '"
                + name(key)
                + "' is of version "
                + entry.getVersion()
                + " of operator domain '"
                + domain(entry.getDomain())
                + "', the model of version "
                + version);
      }
    }
  }

  private static String domain(String domain) {
    return domain.equals("ai.onnx") ? "" : domain;
  }

  private static String name(Key key) {
    return key.domain + "::" + key.operator + (key.overload.isEmpty() ? "" : ":" + key.overload);
  }

  /** The names and attributes of one call. */
  private static final class Scope {
    private final String prefix;
    private final Map<String, String> names = new HashMap<>();
    private final Map<String, AttributeProto> attributes = new LinkedHashMap<>();

    Scope(FunctionProto function, NodeProto call, String name) {
      this.prefix = name + "/";
      for (int i = 0; i < function.getInputCount(); i++) {
        names.put(function.getInput(i), i < call.getInputCount() ? call.getInput(i) : "");
      }
      for (int i = 0; i < function.getOutputCount(); i++) {
        if (i < call.getOutputCount() && !call.getOutput(i).isEmpty()) {
          names.put(function.getOutput(i), call.getOutput(i));
        }
      }
      function.getAttributeProtoList().forEach(value -> attributes.put(value.getName(), value));
      call.getAttributeList().forEach(value -> attributes.put(value.getName(), value));
    }

    private String rename(String value) {
      return value.isEmpty() ? "" : names.computeIfAbsent(value, key -> prefix + key);
    }

    NodeProto rename(NodeProto node, int index) {
      String name = node.getName().isEmpty() ? node.getOpType() + "_" + index : node.getName();
      NodeProto.Builder result = node.toBuilder().setName(prefix + name);
      result.clearInput().clearOutput().clearAttribute();
      node.getInputList().forEach(value -> result.addInput(rename(value)));
      node.getOutputList().forEach(value -> result.addOutput(rename(value)));
      for (AttributeProto attribute : node.getAttributeList()) {
        if (attribute.getRefAttrName().isEmpty()) {
          result.addAttribute(
              attribute.hasG()
                  ? attribute.toBuilder().setG(rename(attribute.getG())).build()
                  : attribute);
        } else if (attributes.containsKey(attribute.getRefAttrName())) {
          AttributeProto given = attributes.get(attribute.getRefAttrName());
          result.addAttribute(given.toBuilder().setName(attribute.getName()));
        }
      }
      return result.build();
    }

    private GraphProto rename(GraphProto graph) {
      GraphProto.Builder result = graph.toBuilder();
      for (int i = 0; i < graph.getNodeCount(); i++) {
        result.setNode(i, rename(graph.getNode(i), i));
      }
      for (TensorProto.Builder initializer : result.getInitializerBuilderList()) {
        initializer.setName(rename(initializer.getName()));
      }
      result.getInputBuilderList().forEach(this::rename);
      result.getOutputBuilderList().forEach(this::rename);
      result.getValueInfoBuilderList().forEach(this::rename);
      return result.build();
    }

    private void rename(ValueInfoProto.Builder value) {
      value.setName(rename(value.getName()));
    }
  }
}
