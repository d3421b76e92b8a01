package io.github.demitasse.benchmarks.purejava;

/** Immutable: scale and zero point of one row of activations in 8 bits. */
record RowQuantization(float scale, int zeroPoint) {

  /** Quantizes a row into unsigned codes. */
  static RowQuantization of(float[] x, int from, int length, byte[] codes) {
    float minimum = 0;
    float maximum = 0;
    for (int i = from; i < from + length; i++) {
      minimum = Math.min(minimum, x[i]);
      maximum = Math.max(maximum, x[i]);
    }
    float scale = maximum > minimum ? (maximum - minimum) / 255 : 1;
    int zeroPoint = (int) Math.rint(-minimum / scale);
    float inverse = 1 / scale;
    for (int i = 0; i < length; i++) {
      int code = Math.round(x[from + i] * inverse) + zeroPoint;
      codes[i] = (byte) Math.max(0, Math.min(255, code));
    }
    return new RowQuantization(scale, zeroPoint);
  }
}
