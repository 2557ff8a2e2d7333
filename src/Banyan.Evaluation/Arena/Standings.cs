using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Arena;

/// <summary>The standings after the votes, and how stable they are.</summary>
public static class Standings
{
    const int Draws = 500;

    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>The standings from votes, the strongest first, with every model that ever had one.</summary>
    public static IReadOnlyList<Standing> Of(IReadOnlyList<Vote> votes, int seed = 1)
    {
        var models = votes.SelectMany(v => (string[])[v.Left, v.Right]).Distinct().Order(StringComparer.Ordinal).ToList();
        if (models.Count == 0)
            return [];
        var index = models.Index().ToDictionary(m => m.Item, m => m.Index);
        var outcomes =
            votes.Select(v => (Left: index[v.Left], Right: index[v.Right],
                Share: v.Choice switch { Choice.Left => 1.0, Choice.Right => 0.0, _ => 0.5 })).ToArray();
        var wins = Count(outcomes, models.Count);
        var fit = new BradleyTerry(wins);

        var random = new Random(seed);
        var ratings = models.Select(_ => new double[Draws]).ToArray();
        var drawn = new (int, int, double)[outcomes.Length];
        for (var d = 0; d < Draws; d++)
        {
            for (var i = 0; i < drawn.Length; i++)
                drawn[i] = outcomes[random.Next(outcomes.Length)];
            var strengths = new BradleyTerry(Count(drawn, models.Count), [.. fit.Strengths]).Strengths;
            for (var m = 0; m < models.Count; m++)
                ratings[m][d] = BradleyTerry.Elo(strengths[m]);
        }
        foreach (var one in ratings)
            Array.Sort(one);

        var order = Enumerable.Range(0, models.Count).OrderByDescending(m => fit.Strengths[m]).ToList();
        return [.. order.Select((m, place) =>
        {
            var own = votes.Where(v => v.Left == models[m] || v.Right == models[m]).ToList();
            var ties = own.Count(v => v.Choice is Choice.Tie or Choice.Neither);
            var won = own.Count(v => v.Choice == (v.Left == models[m] ? Choice.Left : Choice.Right));
            return new Standing(models[m], BradleyTerry.Elo(fit.Strengths[m]),
                new Interval(ratings[m][(int)(0.025 * (Draws - 1))],
                    ratings[m][(int)Math.Ceiling(0.975 * (Draws - 1))]).And(Supported(fit, m)),
                won, own.Count - ties - won, ties,
                place + 1 < order.Count ? Flips(wins, m, order[place + 1], (int)Math.Ceiling(outcomes.Length / 1.0)) : null);
        })];
    }

    static Interval Supported(BradleyTerry fit, int model)
    {
        var half = Normal.Quantile(0.975) * fit.StandardError(model);
        return new(BradleyTerry.Elo(fit.Strengths[model] * Math.Exp(-half)), BradleyTerry.Elo(fit.Strengths[model] * Math.Exp(half)));
    }

    /// <summary>Standings as JSON, with the hash of the last vote, which reveals whether votes were later removed.</summary>
    public static string ToJson(IReadOnlyList<Standing> standings, int votes, string last) => new JsonObject
    {
        ["votes"] = votes,
        ["last"] = last,
        ["models"] = new JsonArray([.. standings.Select(s => new JsonObject
        {
            ["model"] = s.Model,
            ["rating"] = Math.Round(s.Rating, 2),
            ["interval"] = new JsonArray(Math.Round(s.Interval.Low, 2), Math.Round(s.Interval.High, 2)),
            ["wins"] = s.Wins,
            ["losses"] = s.Losses,
            ["ties"] = s.Ties,
            ["flipsToLosePlace"] = s.FlipsToLosePlace,
        })]),
    }.ToJsonString(s_indented);

    /// <summary>
    /// Reverses votes one by one, each time the kind that moves the two most, until b is before a. No smaller set was found in tests, but
    /// minimality is not proven.
    /// </summary>
    internal static int? Flips(double[,] wins, int a, int b, int most)
    {
        wins = (double[,])wins.Clone();
        var fit = new BradleyTerry(wins);
        for (var flips = 0; flips <= most;)
        {
            var gap = Math.Log(fit.Strengths[a] / fit.Strengths[b]);
            if (flips > 0 && gap < 0)
                return flips;
            var gradient = fit.Gradient(a, b);
            int from = -1, to = -1;
            for (var i = 0; i < gradient.Length; i++)
                for (var j = 0; j < gradient.Length; j++)
                    if (i != j && wins[i, j] >= 1 && (from < 0 || gradient[i] - gradient[j] > gradient[from] - gradient[to]))
                        (from, to) = (i, j);
            if (from < 0 || gradient[from] - gradient[to] <= 0)
                return null;
            // Far from the goal several at once: half of what the first order says is left.
            var count = (int)Math.Clamp(gap / (gradient[from] - gradient[to]) / 2, 1, wins[from, to]);
            wins[from, to] -= count;
            wins[to, from] += count;
            flips += count;
            fit = new(wins, [.. fit.Strengths]);
        }
        return null;
    }

    static double[,] Count(IEnumerable<(int Left, int Right, double Share)> outcomes, int models)
    {
        var wins = new double[models, models];
        foreach (var (left, right, share) in outcomes)
        {
            wins[left, right] += share;
            wins[right, left] += 1 - share;
        }
        return wins;
    }
}
