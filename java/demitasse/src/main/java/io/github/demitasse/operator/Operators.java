package io.github.demitasse.operator;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Thread-safe: the operators Demitasse knows. Add a family's list to {@link #family}.
 *
 * <p>Families are loaded when an operator is first looked for, those that transformers need first:
 * all of them take 50 ms of a cold JVM.
 */
public final class Operators {
  private static final Map<String, Operator> BY_NAME = new ConcurrentHashMap<>();
  private static volatile int loaded;

  private Operators() {}

  /** Family number {@code index}, or null when there are no more. */
  private static List<? extends Operator> family(int index) {
    return switch (index) {
      case 0 -> CastOperators.all();
      case 1 -> ArithmeticOperators.all();
      case 2 -> FusedOperatorRules.all();
      case 3 -> NormalizationOperators.all();
      case 4 -> IndexingOperators.all();
      case 5 -> ShapeOperators.all();
      case 6 -> ElementwiseOperators.all();
      case 7 -> ComparisonOperators.all();
      case 8 -> ReductionOperators.all();
      case 9 -> QuantizationOperators.all();
      case 10 -> CreationOperators.all();
      case 11 -> MovementOperators.all();
      case 12 -> LinearOperators.all();
      case 13 -> AttentionOperators.all();
      case 14 -> MicrosoftOperators.all();
      case 15 -> ConvolutionOperators.all();
      case 16 -> PoolingOperators.all();
      case 17 -> RecurrentOperators.all();
      default -> null;
    };
  }

  /** False when all families were loaded already. */
  private static synchronized boolean loadNext(int seen) {
    if (seen < loaded) {
      return true;
    }
    List<? extends Operator> family = family(loaded);
    if (family == null) {
      return false;
    }
    for (Operator operator : family) {
      String key = key(operator.domain(), operator.name());
      if (BY_NAME.put(key, operator) != null) {
        throw new IllegalStateException("two operators are named " + key);
      }
    }
    loaded++;
    return true;
  }

  /** The operator, or null when it is not known. */
  public static Operator find(String domain, String name) {
    String key = key(domain, name);
    while (true) {
      int seen = loaded;
      Operator operator = BY_NAME.get(key);
      if (operator != null || !loadNext(seen)) {
        return operator;
      }
    }
  }

  public static Stream<Operator> all() {
    while (loadNext(loaded)) {}
    return BY_NAME.values().stream();
  }

  private static String key(String domain, String name) {
    return domain + "::" + name;
  }
}
