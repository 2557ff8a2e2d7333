using Banyan.Sprout.Tokens;

namespace Banyan.Sprout.Training;

/// <summary>Prints the table of the model card.</summary>
internal static class EvaluationReport
{
    public static void Print(SproutModel model, BpeTokenizer tokenizer, string dataFolder, int bytesPerSet)
    {
        using var evaluation = new Evaluation(model, tokenizer);
        Console.WriteLine("| set | language | files | bytes | tokens | bits a byte, sliding | bits a byte, side by side |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var set in Evaluation.ReadHeldOut(dataFolder).GroupBy(file => file.Set).OrderBy(g => g.Key == "files" ? 0 : 1).ThenBy(g => g.Key))
        {
            Score sliding = new(0, 0, 0, 0), apart = new(0, 0, 0, 0);
            foreach (var language in set.GroupBy(file => file.Language).OrderBy(g => g.Key))
            {
                int left = bytesPerSet;
                var files = language.TakeWhile(file => (left -= file.Text.Length) > 0).ToList();
                Score s = evaluation.OfFiles(files), a = evaluation.OfFiles(files, stride: 1024);
                PrintRow(set.Key, language.Key, s, a);
                (sliding, apart) = (sliding + s, apart + a);
            }

            if (set.Select(file => file.Language).Distinct().Count() > 1)
            {
                PrintRow(set.Key, "both", sliding, apart);
            }
        }
    }

    private static void PrintRow(string set, string language, Score sliding, Score apart) =>
        Console.WriteLine(FormattableString.Invariant($"| {set} | {language} | {sliding.Files} | {sliding.Bytes} | {sliding.Tokens} | {sliding.BitsPerByte:F3} | {apart.BitsPerByte:F3} |"));
}
