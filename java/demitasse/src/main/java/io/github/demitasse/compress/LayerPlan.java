package io.github.demitasse.compress;

/**
 * Immutable: what a step will do to one layer.
 *
 * @param layer the layer's name
 * @param shape logical shape of the weight, for people
 * @param encodingBefore how the weight is stored now
 * @param encodingAfter how it will be stored; the same when skipped
 * @param bytesBefore stored bytes now
 * @param bytesAfter stored bytes afterwards, exact
 * @param reason why the layer is skipped; "" when it is not
 * @param note what else there is to say, such as the layer that it is equalized with; or null
 */
public record LayerPlan(
    String layer,
    String shape,
    String encodingBefore,
    String encodingAfter,
    long bytesBefore,
    long bytesAfter,
    String reason,
    String note) {

  public boolean skipped() {
    return !reason.isEmpty();
  }
}
