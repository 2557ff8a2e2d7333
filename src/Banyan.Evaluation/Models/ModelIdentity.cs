using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Models;

/// <summary>
/// Whether the model that answered is the one that was requested. Services silently redirect retired models to others, and a score of
/// another model is worse than none.
/// </summary>
public static partial class ModelIdentity
{
    /// <summary>
    /// The same id; or a dated or numbered version of it: <c>gpt-4o</c> may be answered by <c>gpt-4o-2024-08-06</c>, <c>claude-x</c> by
    /// <c>claude-x-20250514</c>, <c>gemini-y</c> by <c>gemini-y-002</c>, an alias <c>z-latest</c> by <c>z</c> of a date; not the other way
    /// round, and nothing else.
    /// </summary>
    public static bool Answers(string requested, string returned)
    {
        requested = WithoutPrefix(requested);
        returned = WithoutPrefix(returned);
        if (requested == returned)
            return true;
        var stem = requested.EndsWith("-latest", StringComparison.Ordinal) ? requested[..^"-latest".Length] : requested;
        return returned.StartsWith(stem, StringComparison.Ordinal) && Version().IsMatch(returned.AsSpan(stem.Length));
    }

    /// <summary>
    /// Throws <see cref="EvaluationException"/> unless <paramref name="returned"/> answers for <paramref name="requested"/>, and is the one
    /// that answered before.
    /// </summary>
    public static void Check(string requested, string returned, string? before)
    {
        if (!Answers(requested, returned))
            throw new EvaluationException(
                $"asked for '{requested}', but '{returned}' answered: the service may have retired the model and sent the question elsewhere. Nothing of it is scored; ask for the model that answers, or take another service");
        if (before is not null && WithoutPrefix(before) != WithoutPrefix(returned))
            throw new EvaluationException(
                $"'{requested}' is answered by '{returned}' now, and was by '{before}' before: one run measures one model. Ask for a dated version, or begin another run (--out DIR)");
    }

    /// <summary>
    /// Whether a model's name says that it was made to follow instructions, as is usual: Instruct, Chat, it. Coder models with
    /// fill-in-the-middle whose name does not say so are base models, even if their files have a chat template.
    /// </summary>
    public static bool SaysInstruct(string name) => Instruct().IsMatch(name);

    [GeneratedRegex(@"instruct|chat|(^|[-_ .])it([-_ .]|\z)", RegexOptions.IgnoreCase)]
    private static partial Regex Instruct();

    /// <summary>Gemini writes <c>models/NAME</c> in some places.</summary>
    static string WithoutPrefix(string id) => id.StartsWith("models/", StringComparison.Ordinal) ? id["models/".Length..] : id;

    [GeneratedRegex(@"^-(\d{4}-\d{2}-\d{2}|\d{8}|\d{3})\z")]
    private static partial Regex Version();
}
