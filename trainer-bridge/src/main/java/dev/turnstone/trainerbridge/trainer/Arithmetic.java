package dev.turnstone.trainerbridge.trainer;

/// The demo's problems: products of two three-digit numbers.
///
/// A quarter of the pairs, those whose sum is a multiple of four, is held out from pretraining, so
/// that the demo draws its tasks from operands that the policy has never seen together.
public final class Arithmetic {
  public static final int LEAST = 100;
  public static final int GREATEST = 999;

  private Arithmetic() {}

  public static boolean heldOut(int a, int b) {
    return (a + b) % 4 == 0;
  }
}
