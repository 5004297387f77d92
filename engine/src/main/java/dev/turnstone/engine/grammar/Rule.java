package dev.turnstone.engine.grammar;

/// A part of a grammar that others call, and that may call itself.
final class Rule implements Part {
  private Node body = Node.END;

  static Rule of(Part part) {
    Rule rule = new Rule();
    rule.define(part);
    return rule;
  }

  void define(Part part) {
    body = part.then(Node.END);
  }

  Node body() {
    return body;
  }

  @Override
  public Node then(Node next) {
    return new Node.Call(this, next);
  }
}
