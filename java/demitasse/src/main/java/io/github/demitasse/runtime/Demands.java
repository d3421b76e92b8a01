package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to one thread: how the values of a graph are wanted: as floats, as codes of rows, as
 * signs, or as codes of images ({@link ImageCodeDemands}). What is wanted as codes in one way only
 * can be produced so; whatever else is wanted is made of floats.
 */
final class Demands {
  private final Lowering lowering;
  private final ImageCodeDemands imageCodes; // null without convolutions: a class less to load
  private final Set<String> asFloat = new HashSet<>();
  private final Map<String, Quantization> asCodes = new HashMap<>();
  private final Set<String> asSigns = new HashSet<>(); // results of Binarize

  /**
   * Finds out what the steps want of each other.
   *
   * @param outputs values that callers get
   */
  Demands(List<Lowering.Step> steps, Collection<String> outputs, Lowering lowering) {
    this.lowering = lowering;
    this.imageCodes = hasConvolution(steps) ? new ImageCodeDemands(lowering, this) : null;
    do {
      asFloat.clear();
      asCodes.clear();
      asSigns.clear();
      asFloat.addAll(outputs);
      for (int i = steps.size() - 1; i >= 0; i--) { // all readers of a value before its producer
        add(steps.get(i));
      }
    } while (imageCodes != null && imageCodes.giveUp());
  }

  private static boolean hasConvolution(List<Lowering.Step> steps) {
    for (Lowering.Step step : steps) {
      if (Lowering.isConvolution(step.node())) {
        return true;
      }
    }
    return false;
  }

  private void add(Lowering.Step step) {
    Node node = step.node();
    String x = node.inputs().isEmpty() ? "" : node.input(0);
    String y = node.output(0);
    if (Lowering.isFakeQuantize(node)) {
      // Its floats are made of the codes where somebody wants those.
      if (asFloat.contains(y) && !Quantization.of(node).equals(imageCodes(x))) {
        asFloat.add(x);
      }
      return;
    }
    if (Lowering.isBinarize(node)) {
      if (asFloat.contains(y) || asSigns.contains(y) && lowering.thresholds(x) == null) {
        asFloat.add(x);
      }
      return;
    }
    if (lowering.takesSigns(node, x) && (asCodes.containsKey(y) || isWantedAsImageCodes(y))) {
      asFloat.add(y); // codes are not made from signs at once
    }
    if (imageCodes != null && imageCodes.passOn(node)) {
      return;
    }
    for (String input : step.lowering().reads(node, lowering)) {
      if (lowering.takesSigns(node, input)) {
        asSigns.add(input);
      } else if (lowering.takesCodes(node, input)) {
        Node quantizer = lowering.producer(input);
        Quantization quantization = Quantization.of(quantizer);
        if (Lowering.isConvolution(node)) {
          imageCodes.want(quantizer.input(0), quantization);
          if (node.inputs().lastIndexOf(input) > 0) {
            asFloat.add(input); // the residual
          }
        } else {
          wantCodes(quantizer.input(0), quantization);
        }
      } else {
        asFloat.add(input);
      }
    }
  }

  private void wantCodes(String value, Quantization quantization) {
    Quantization other = asCodes.putIfAbsent(value, quantization);
    boolean one = other == null || other.equals(quantization);
    if (!one || isWantedAsImageCodes(value) || isRounded(value)) {
      asFloat.add(value);
    }
  }

  /** True for a result of a node that makes codes or signs only for those who take them. */
  boolean isRounded(String value) {
    Node producer = lowering.producer(value);
    return producer != null && (Lowering.isFakeQuantize(producer) || Lowering.isBinarize(producer));
  }

  void wantFloats(String value) {
    asFloat.add(value);
  }

  /** True when somebody reads the value as it is, or it is wanted as codes in several ways. */
  boolean wantsFloats(String value) {
    return asFloat.contains(value);
  }

  /** The codes of rows that somebody reads, or null. */
  Quantization codes(String value) {
    return asCodes.get(value);
  }

  private boolean isWantedAsImageCodes(String value) {
    return imageCodes != null && imageCodes.isWanted(value);
  }

  /** The codes, channels last, that should be produced in place of floats, or null. */
  Quantization imageCodes(String value) {
    return imageCodes == null ? null : imageCodes.only(value);
  }

  /** True when an operator between convolutions reads codes with their channels last. */
  boolean isOnImageCodes(Node node) {
    return imageCodes != null && imageCodes.isOnCodes(node);
  }
}
