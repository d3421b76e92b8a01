package io.github.demitasse.benchmarks.training;

import io.github.demitasse.benchmarks.training.Matrices.Matrix;
import java.util.Random;

/**
 * Immutable and thread-safe: y = x W + b. Parameters: W as [inputs][outputs], then b.
 *
 * @param inputs features in
 * @param outputs features out
 */
public record FullyConnected(int inputs, int outputs) implements Layer {
  @Override
  public int parameters() {
    return (inputs + 1) * outputs;
  }

  /** He et al. 2015, "Delving Deep into Rectifiers"; no bias. */
  @Override
  public void initialize(float[] parameters, Random random) {
    Layer.fill(parameters, 0, inputs * outputs, Math.sqrt(6.0 / inputs), random);
  }

  @Override
  public Pass forward(float[] parameters, float[] values, int batch) {
    Matrix x = new Matrix(values, batch, inputs);
    Matrix w = new Matrix(parameters, inputs, outputs);
    Matrix y = new Matrix(new float[batch * outputs], batch, outputs);
    Matrices.fillRows(parameters, inputs * outputs, y);
    Matrices.addProduct(x, w, y);
    return new Pass() {
      @Override
      public float[] outputs() {
        return y.values();
      }

      @Override
      public float[] backward(float[] gradient, float[] ofParameters, boolean wantsInputs) {
        Matrix dy = new Matrix(gradient, batch, outputs);
        Matrices.addProduct(x.transposed(), dy, new Matrix(ofParameters, inputs, outputs));
        Matrices.addRows(dy, ofParameters, inputs * outputs);
        if (!wantsInputs) {
          return null;
        }
        Matrix dx = new Matrix(new float[batch * inputs], batch, inputs);
        Matrices.addProduct(dy, w.transposed(), dx);
        return dx.values();
      }
    };
  }
}
