package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * ONNX's own node tests. What an operator does not support it must say; what it computes must be
 * right. The outcome for each operator is written to {@code target/onnx-conformance.txt}.
 */
class OnnxNodeConformanceTest {
  private static final Path CASES = Path.of("../../../shared/data/onnx-node");
  private static final Path REPORT = Path.of("target/onnx-conformance.txt");

  /** Raise this with every operator that is added: cases that passed once pass for ever. */
  private static final int PASSED_AT_LEAST = 732;

  private final Map<String, Map<OnnxNodeCase.Status, Integer>> byOperator = new TreeMap<>();
  private final Map<OnnxNodeCase.Status, Integer> total = new EnumMap<>(OnnxNodeCase.Status.class);
  private final List<String> failures = new ArrayList<>();
  private final List<String> unsupported = new ArrayList<>();

  @Test
  void everySupportedOperatorPassesItsCases() throws IOException {
    assumeTrue(Files.isDirectory(CASES), "no conformance cases at " + CASES);
    for (OnnxNodeCase nodeCase : OnnxNodeCase.all(CASES)) {
      OnnxNodeCase.Result result = nodeCase.run();
      String operators = nodeCase.operators();
      byOperator
          .computeIfAbsent(operators, key -> new EnumMap<>(OnnxNodeCase.Status.class))
          .merge(result.status(), 1, Integer::sum);
      total.merge(result.status(), 1, Integer::sum);
      String line = operators + " " + nodeCase.name() + ": " + result.reason();
      if (result.status() == OnnxNodeCase.Status.FAILED) {
        failures.add(line);
      } else if (result.status() == OnnxNodeCase.Status.UNSUPPORTED) {
        unsupported.add(line);
      }
    }
    write();
    assertEquals(List.of(), failures, "failed cases");
    int passed = total.getOrDefault(OnnxNodeCase.Status.PASSED, 0);
    assertTrue(passed >= PASSED_AT_LEAST, passed + " cases passed, of " + PASSED_AT_LEAST);
  }

  private void write() throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(row("operator", "passed", "failed", "unsupported"));
    byOperator.forEach((operator, counts) -> lines.add(row(operator, counts)));
    lines.add(row("total", total));
    lines.add("");
    lines.add("failed");
    lines.addAll(failures);
    lines.add("");
    lines.add("unsupported");
    lines.addAll(unsupported);
    Files.createDirectories(REPORT.getParent());
    Files.write(REPORT, lines);
  }

  private static String row(String operator, Map<OnnxNodeCase.Status, Integer> counts) {
    return row(
        operator,
        counts.getOrDefault(OnnxNodeCase.Status.PASSED, 0),
        counts.getOrDefault(OnnxNodeCase.Status.FAILED, 0),
        counts.getOrDefault(OnnxNodeCase.Status.UNSUPPORTED, 0));
  }

  private static String row(Object operator, Object passed, Object failed, Object unsupported) {
    return String.format("%-32s %8s %8s %12s", operator, passed, failed, unsupported);
  }
}
