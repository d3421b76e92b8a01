package io.github.demitasse.cli.measure;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.demitasse.Model;
import io.github.demitasse.cli.process.ChildJvm;
import io.github.demitasse.compress.Report;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Thread-safe: speed and memory of a model in a process of its own, so that its peak memory is its
 * own.
 */
public final class CostMeasurement {
  /** What a free dimension is given: one sample, and a length that text models are made for. */
  private static final long BATCH = 1;

  private static final long LENGTH = 128;

  private final int threads;

  public CostMeasurement(int threads) {
    this.threads = threads;
  }

  /**
   * The report with the costs of both files.
   *
   * @throws MeasurementException if one of them cannot be measured, saying why
   */
  public Report addTo(Report report, Path before, Path after)
      throws IOException, InterruptedException {
    String shapes = shapes(Model.load(before));
    return report.withCosts(measure(before, shapes), measure(after, shapes));
  }

  /** Why a model could not be timed. */
  public static final class MeasurementException extends RuntimeException {
    private MeasurementException(String message) {
      super(message);
    }
  }

  private Report.Cost measure(Path model, String shapes) throws IOException, InterruptedException {
    List<String> arguments =
        List.of(
            "benchmark",
            model.toString(),
            "--shape",
            shapes,
            "--threads",
            Integer.toString(threads),
            "--seconds",
            "1",
            "--json");
    Process process =
        ChildJvm.of("io.github.demitasse.cli.Main", arguments)
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .start();
    Thread stopper = new Thread(process::destroyForcibly, "demitasse-measurement-stopper");
    Runtime.getRuntime().addShutdownHook(stopper);
    try {
      String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      String complaint =
          new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new MeasurementException(model + " could not be timed: " + lastLine(complaint));
      }
      JsonNode json = new ObjectMapper().readTree(answer);
      return new Report.Cost(
          shapes, threads, json.path("median_ms").asDouble(), json.path("peak_rss_bytes").asLong());
    } finally {
      process.destroyForcibly();
      removeHook(stopper);
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      return; // then it runs, and finds the process ended
    }
  }

  private static String lastLine(String text) {
    return text.lines().reduce("no reason given", (before, line) -> line);
  }

  private static String shapes(Model model) {
    List<String> shapes = new ArrayList<>();
    for (ValueInfo input : model.graph().inputs()) {
      Shape shape = input.shape();
      if (shape == null) {
        throw new MeasurementException("input '" + input + "' has no shape to measure with");
      }
      List<String> sizes = new ArrayList<>();
      for (int axis = 0; axis < shape.rank(); axis++) {
        Dimension dimension = shape.dimension(axis);
        long size = dimension.isKnown() ? dimension.size() : axis == 0 ? BATCH : LENGTH;
        sizes.add(Long.toString(size));
      }
      shapes.add(input.name() + "=" + sizes.stream().collect(Collectors.joining("x")));
    }
    return String.join(",", shapes);
  }
}
