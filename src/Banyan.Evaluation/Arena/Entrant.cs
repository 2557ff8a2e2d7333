using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Arena;

/// <summary>Something to answer.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Text">What is asked.</param>
public sealed record ArenaQuestion(string Id, string Text);

/// <summary>A model in the arena.</summary>
/// <param name="Name">Its name; voters see it after they voted.</param>
/// <param name="Has">Whether it can answer a question.</param>
/// <param name="AnswerAsync">Its answer.</param>
public sealed record Entrant(string Name, Func<ArenaQuestion, bool> Has, Func<ArenaQuestion, CancellationToken, Task<string>> AnswerAsync)
{
    /// <summary>A model whose answers were recorded: a transcript of <c>banyan eval run</c>, or a file as <c>banyan eval score</c> reads it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The model's name; null: the transcript's, or the file's.</param>
    public static Entrant Recorded(string file, string? name = null)
    {
        Dictionary<string, string> answers = [];
        if (IsTranscript(file))
            foreach (var entry in Transcript.Read(file))
            {
                name ??= entry.RequestedModel;
                answers.TryAdd(entry.Item, entry.Answer);
            }
        else
            foreach (var answer in RecordedAnswers.Read(file))
                answers.TryAdd(answer.Id, answer.Text);
        if (answers.Count == 0)
            throw new EvaluationException($"{file} has no answers");
        return new(name ?? Path.GetFileNameWithoutExtension(file), q => answers.ContainsKey(q.Id), (q, _) => Task.FromResult(answers[q.Id]));
    }

    static bool IsTranscript(string file)
    {
        try
        {
            return Transcript.Read(file).Any();
        }
        catch (EvaluationException)
        {
            return false; // another form of recorded answers
        }
    }
}
