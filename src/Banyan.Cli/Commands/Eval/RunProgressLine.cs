using System.Globalization;
using Banyan.Evaluation.Prices;
using Banyan.Evaluation.Runs;

namespace Banyan.Cli.Commands.Eval;

/// <summary>A run's progress on stderr: its estimate before it begins, and on a terminal a line that is updated.</summary>
sealed class RunProgressLine(string model, string task, Price? price, bool isCharged) : IProgress<RunProgress>, IDisposable
{
    const int Width = 24;
    readonly Lock _gate = new();
    int _shown;

    public void Estimate(RunEstimate estimate)
    {
        var cost = estimate.LikelyCost is { } likely
            ? string.Create(CultureInfo.InvariantCulture,
                $", about ${likely:0.00##}, at most ${estimate.GreatestCost:0.00##} (${price!.Input:0.####} and ${price.Output:0.####} a million tokens{(price.Source is { } source ? $", from {source}" : "")})")
            : isCharged ? ", what it costs is not known (--prices FILE)" : "";
        var what = estimate.Answers == 0 ? "every answer is recorded"
            : string.Create(CultureInfo.InvariantCulture,
                $"{estimate.Answers} answers to ask for, about {estimate.PromptTokens:N0} tokens of prompts{cost}");
        Console.Error.WriteLine($"{task}, {model}: {what}, form '{estimate.Form}'");
    }

    public void Report(RunProgress progress)
    {
        if (Console.IsErrorRedirected)
            return;
        var stage = progress.Stage switch
        {
            RunStage.Proving => "proving the judge",
            RunStage.Answering => "answering",
            _ => "judging",
        };
        var part = progress.Of == 0 ? 1 : (double)progress.Done / progress.Of;
        var line = string.Create(CultureInfo.InvariantCulture,
            $"{task} {stage} {new string('━', (int)(part * Width)).PadRight(Width, '╌')} {progress.Done}/{progress.Of}");
        if (progress.TimeLeft is { } time)
            line += string.Create(CultureInfo.InvariantCulture,
                $", {(time.TotalHours >= 1 ? time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture) : time.ToString(@"m\:ss", CultureInfo.InvariantCulture))} left");
        if (progress.Cost is { } cost)
            line += string.Create(CultureInfo.InvariantCulture, $", ${cost:0.0000} spent, ${progress.CostLeft:0.00##} left to spend");
        lock (_gate)
        {
            Console.Error.Write($"\r{line.PadRight(_shown)}");
            _shown = line.Length;
        }
    }

    public void Dispose()
    {
        if (_shown > 0)
            Console.Error.Write("\r\x1b[K");
    }
}
