package io.github.demitasse.benchmarks.gemm;

import io.github.demitasse.benchmarks.purejava.JavaLinear;
import io.github.demitasse.benchmarks.purejava.ScalarInt8Linear;
import io.github.demitasse.benchmarks.purejava.VectorFloatLinear;
import io.github.demitasse.benchmarks.purejava.VectorInt8Linear;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One INT8 linear layer of all-MiniLM-L6-v2's shapes, 128 rows, one thread: activations quantized
 * per row, integer products, result and bias in float. Native against pure Java; every contestant's
 * result is checked before timing.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class Int8GemmBenchmark {
  private static final int ROWS = 128;

  @Param({"384x384", "384x1536", "1536x384"})
  public String shape;

  private float[] x;
  private float[] y;
  private JavaLinear scalar;
  private JavaLinear vector;
  private JavaLinear floating;
  private NativeLinear demitasse;

  @Setup(Level.Trial)
  public void prepare() {
    String[] sizes = shape.split("x");
    int k = Integer.parseInt(sizes[0]);
    int n = Integer.parseInt(sizes[1]);
    Random random = new Random(1);
    byte[] codes = new byte[k * n];
    float[] weights = new float[k * n];
    float[] scales = new float[n];
    float[] bias = new float[n];
    for (int j = 0; j < n; j++) {
      scales[j] = 0.001f + 0.001f * random.nextFloat();
      bias[j] = random.nextFloat();
    }
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) (random.nextInt(255) - 127);
      weights[i] = codes[i] * scales[i % n];
    }
    x = new float[ROWS * k];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    y = new float[ROWS * n];
    scalar = new ScalarInt8Linear(codes, scales, bias, k, n);
    vector = new VectorInt8Linear(codes, scales, bias, k, n);
    floating = new VectorFloatLinear(weights, bias, k, n);
    demitasse = new NativeLinear(codes, scales, bias, x, ROWS, k, n);
    check();
  }

  /** Quantization of x costs at most about one part in a hundred of the results' spread. */
  private void check() {
    float[] expected = y.clone();
    floating.apply(x, ROWS, expected);
    for (JavaLinear candidate : new JavaLinear[] {scalar, vector}) {
      candidate.apply(x, ROWS, y);
      requireClose(expected, y);
    }
    demitasse.run();
    requireClose(expected, demitasse.result());
  }

  private static void requireClose(float[] expected, float[] actual) {
    double signal = 0;
    double noise = 0;
    for (int i = 0; i < expected.length; i++) {
      signal += (double) expected[i] * expected[i];
      noise += Math.pow(expected[i] - actual[i], 2);
    }
    if (!(noise < 1e-3 * signal)) {
      throw new IllegalStateException("a contestant computes something else: " + noise / signal);
    }
  }

  @TearDown(Level.Trial)
  public void free() {
    demitasse.close();
  }

  @Benchmark
  public float[] javaScalarInt8() {
    scalar.apply(x, ROWS, y);
    return y;
  }

  @Benchmark
  public float[] javaVectorInt8() {
    vector.apply(x, ROWS, y);
    return y;
  }

  @Benchmark
  public float[] javaVectorFloat() {
    floating.apply(x, ROWS, y);
    return y;
  }

  @Benchmark
  public void demitasseInt8() {
    demitasse.run();
  }
}
