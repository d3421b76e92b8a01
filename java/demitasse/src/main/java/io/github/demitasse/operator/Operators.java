package io.github.demitasse.operator;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Thread-safe: the operators Demitasse knows. Add a family's list to {@link #FAMILIES}. */
public final class Operators {
  private static final List<List<Operator>> FAMILIES =
      List.of(
          ElementwiseOperators.all(),
          ArithmeticOperators.all(),
          ComparisonOperators.all(),
          ReductionOperators.all(),
          CastOperators.all(),
          QuantizationOperators.all(),
          CreationOperators.all(),
          ShapeOperators.all(),
          MovementOperators.all(),
          IndexingOperators.all(),
          LinearOperators.all(),
          NormalizationOperators.all(),
          FusedOperatorRules.all(),
          AttentionOperators.all(),
          MicrosoftOperators.all());

  private static final Map<String, Operator> BY_NAME = new HashMap<>();

  static {
    FAMILIES.stream().flatMap(List::stream).forEach(Operators::add);
  }

  private Operators() {}

  private static void add(Operator operator) {
    String key = key(operator.domain(), operator.name());
    if (BY_NAME.put(key, operator) != null) {
      throw new IllegalStateException("two operators are named " + key);
    }
  }

  /** The operator, or null when it is not known. */
  public static Operator find(String domain, String name) {
    return BY_NAME.get(key(domain, name));
  }

  public static Stream<Operator> all() {
    return BY_NAME.values().stream();
  }

  private static String key(String domain, String name) {
    return domain + "::" + name;
  }
}
