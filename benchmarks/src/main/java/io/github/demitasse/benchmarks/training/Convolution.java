package io.github.demitasse.benchmarks.training;

import io.github.demitasse.benchmarks.training.Matrices.Matrix;
import java.util.Arrays;
import java.util.Random;

/**
 * Immutable and thread-safe: a convolution of stride 1 over [channels][height][width], zeros around
 * it, as a product of matrices: weights [filters][channels kernel kernel] times the pixels under
 * each place of the kernel. Parameters: the weights, then a bias for each filter.
 *
 * @param kernel its height and width
 * @param padding zeros on each side
 */
public record Convolution(int channels, int height, int width, int filters, int kernel, int padding)
    implements Layer {

  int outputHeight() {
    return height + 2 * padding - kernel + 1;
  }

  int outputWidth() {
    return width + 2 * padding - kernel + 1;
  }

  private int places() {
    return outputHeight() * outputWidth();
  }

  /** The weights of one filter. */
  private int taps() {
    return channels * kernel * kernel;
  }

  @Override
  public int inputs() {
    return channels * height * width;
  }

  @Override
  public int outputs() {
    return filters * places();
  }

  @Override
  public int parameters() {
    return filters * (taps() + 1);
  }

  /** He et al. 2015, "Delving Deep into Rectifiers"; no bias. */
  @Override
  public void initialize(float[] parameters, Random random) {
    Layer.fill(parameters, 0, filters * taps(), Math.sqrt(6.0 / taps()), random);
  }

  @Override
  public Pass forward(float[] parameters, float[] values, int batch) {
    Matrix weights = new Matrix(parameters, filters, taps());
    float[] results = new float[batch * outputs()];
    float[] patches = new float[taps() * places()];
    for (int i = 0; i < batch; i++) {
      for (int filter = 0; filter < filters; filter++) {
        int row = i * outputs() + filter * places();
        Arrays.fill(results, row, row + places(), parameters[filters * taps() + filter]);
      }
      gather(values, i * inputs(), patches);
      Matrices.addProduct(weights, new Matrix(patches, taps(), places()), of(results, i));
    }
    return new Pass() {
      @Override
      public float[] outputs() {
        return results;
      }

      @Override
      public float[] backward(float[] gradient, float[] ofParameters, boolean wantsInputs) {
        return back(weights, values, batch, gradient, ofParameters, wantsInputs);
      }
    };
  }

  private Matrix of(float[] results, int example) {
    return new Matrix(results, example * outputs(), filters, places());
  }

  private float[] back(
      Matrix weights,
      float[] values,
      int batch,
      float[] gradient,
      float[] ofParameters,
      boolean wantsInputs) {
    float[] patches = new float[taps() * places()];
    float[] ofPatches = new float[patches.length];
    float[] ofInputs = wantsInputs ? new float[values.length] : null;
    Matrix transposedWeights = weights.transposed();
    for (int i = 0; i < batch; i++) {
      Matrix dy = of(gradient, i);
      gather(values, i * inputs(), patches);
      Matrices.addProductOfRows(
          dy, new Matrix(patches, taps(), places()), new Matrix(ofParameters, filters, taps()));
      for (int filter = 0; filter < filters; filter++) {
        float sum = 0;
        for (int place = 0; place < places(); place++) {
          sum += gradient[dy.from() + filter * places() + place];
        }
        ofParameters[filters * taps() + filter] += sum;
      }
      if (wantsInputs) {
        Arrays.fill(ofPatches, 0);
        Matrices.addProduct(transposedWeights, dy, new Matrix(ofPatches, taps(), places()));
        scatter(ofPatches, ofInputs, i * inputs());
      }
    }
    return ofInputs;
  }

  /** Copies what each tap sees to a row of patches; zeros outside the image stay zeros. */
  private void gather(float[] values, int from, float[] patches) {
    forEachRun(
        (image, patch, length) -> System.arraycopy(values, from + image, patches, patch, length));
  }

  /** Adds patches to the image they were gathered from. */
  private void scatter(float[] patches, float[] values, int to) {
    forEachRun(
        (image, patch, length) -> {
          for (int i = 0; i < length; i++) {
            values[to + image + i] += patches[patch + i];
          }
        });
  }

  /** Pixels beside each other, the same in an image and in the patches. */
  private interface Run {
    void at(int image, int patch, int length);
  }

  private void forEachRun(Run run) {
    for (int tap = 0; tap < taps(); tap++) {
      int channel = tap / (kernel * kernel);
      int down = tap / kernel % kernel - padding;
      int right = tap % kernel - padding;
      int first = Math.max(0, -right);
      int end = Math.min(outputWidth(), width - right);
      for (int y = Math.max(0, -down); y < Math.min(outputHeight(), height - down); y++) {
        int image = (channel * height + y + down) * width + first + right;
        run.at(image, tap * places() + y * outputWidth() + first, end - first);
      }
    }
  }
}
