namespace Banyan.Evaluation;

/// <summary>Data, answers or options that cannot be used; the message names the offending one and what to do.</summary>
public sealed class EvaluationException(string message) : Exception(message);
