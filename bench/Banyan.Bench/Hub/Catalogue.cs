using System.Globalization;
using System.Text.Json;
using Banyan.Client;
using Banyan.Server.Listing;
using Banyan.Server.Repos;
using Banyan.Server.Search;

namespace Banyan.Bench.Hub;

/// <summary>
/// A hub's catalogue of any size, made of rows: names, owners, tags, languages, licences, sizes, words of cards and downloads, each as
/// unevenly spread as they are on a real hub (the k-th most frequent of anything occurs 1/k as often). The same for the same size.
/// </summary>
sealed class Catalogue(int repos)
{
    const int Vocabulary = 40_000, NameWords = 4_000, BodyWords = 70;

    static readonly string[] s_tasks = ["text-generation", "text-classification", "feature-extraction", "automatic-speech-recognition",
        "text-to-image", "image-classification", "translation", "sentence-similarity", "token-classification", "fill-mask",
        "summarization", "object-detection"];
    static readonly string[] s_languages = ["en", "zh", "es", "fr", "de", "hi", "pt", "id", "ja", "ru", "ar", "ko", "vi", "th", "sw",
        "bn", "ta", "te", "mr", "ur"];
    static readonly string[] s_licences = ["apache-2.0", "mit", "llama3.2", "cc-by-4.0", "cc-by-nc-4.0", "openrail", "gemma", "gpl-3.0"];
    static readonly string[] s_libraries = ["transformers", "diffusers", "sentence-transformers", "peft", "gguf", "timm"];

    readonly string[] _words = [.. Enumerable.Range(0, Vocabulary).Select(Word)];
    readonly Random _random = new(7);

    /// <summary>A word that can be spoken, a different one for each number.</summary>
    static string Word(int number)
    {
        const string Consonants = "bdfgklmnprstvz", Vowels = "aeiou";
        var text = "";
        for (var left = number * 7919L % 1_000_003 + 70; left > 0; left /= 70)
            text += $"{Consonants[(int)(left % 14)]}{Vowels[(int)(left / 14 % 5)]}";
        return text;
    }

    /// <summary>One of so many, the k-th 1/k as often as the first.</summary>
    int Rank(int count) => (int)Math.Min(Math.Exp(_random.NextDouble() * Math.Log(count + 1)) - 1, count - 1);

    /// <summary>A query as people type them: one to three words that names or cards have.</summary>
    public string Query() =>
        string.Join(' ', Enumerable.Range(0, _random.Next(1, 4)).Select(_ => _words[Rank(_random.Next(2) == 0 ? NameWords : Vocabulary)]));

    /// <summary>A random value of a filter.</summary>
    public string Task() => s_tasks[Rank(s_tasks.Length)];

    /// <summary>A random language.</summary>
    public string Language() => s_languages[Rank(s_languages.Length)];

    /// <summary>Writes it into an empty hub's database.</summary>
    public void Fill(ICatalogueTarget target)
    {
        var owners = Math.Max(100, repos / 12);
        for (var i = 1; i <= owners; i++)
            target.Add("accounts (id, kind, name, name_key, created_at)", i + 100, "user", $"{_words[i % NameWords]}{i}",
                $"{_words[i % NameWords]}{i}", 0L);
        foreach (var word in _words.Take(NameWords))
            foreach (var form in Enumerable.Range(0, word.Length).Select(i => word.Remove(i, 1)).Prepend(word).Distinct())
                target.Add("spellings (form, word)", form, word);
        for (var i = 1; i <= repos; i++)
        {
            var kind = _random.Next(100) switch { < 70 => RepoType.Model, < 95 => RepoType.Dataset, _ => RepoType.Space };
            var (type, owner) = (kind switch { RepoType.Model => "model", RepoType.Dataset => "dataset", _ => "space" }, Rank(owners) + 1);
            string[] named = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => _words[Rank(NameWords)])];
            var size = kind == RepoType.Model ? (long)(1e7 * Math.Exp(_random.NextDouble() * 9)) : (long?)null;
            var own = $"{string.Join('-', named)}-{i}";
            var full = $"{_words[owner % NameWords]}{owner}/{own}";
            var (task, language, licence, library) =
                (Task(), Language(), s_licences[Rank(s_licences.Length)], s_libraries[Rank(s_libraries.Length)]);
            var downloads = (long)(10 / Math.Pow(_random.NextDouble() + 1e-7, 0.8));
            string[] tags =
                [.. ((string[])[library, task, language, $"license:{licence}",
                    $"base_model:{_words[Rank(NameWords)]}/{_words[Rank(NameWords)]}", _words[Rank(20_000)], $"=task:{task}",
                    $"=library:{library}", $"=language:{language}",
                    .. size is null ? [] : (string[])["=format:gguf", "=format:q4_k_m", "=commercial"]]).Distinct()];
            target.Add(
                "repos (id, type, owner_id, name, name_key, private, gated, disabled, default_branch, downloads, likes, created_at, updated_at)", i, type, owner + 100, own, own, i % 20 == 0, null, false, "main", downloads, downloads / 50, (long)i, _random.NextInt64(1_000_000_000));
            target.Add("repo_names (type, full_name_key, repo_id)", type, full, i);
            target.Add("listings (repo_id, type, name_key, parameters, least_bytes, facts, details, word_place, ranked)", i, type, full,
                size, size / 2, JsonSerializer.Serialize(new
                {
                    tags = tags.Where(t => t[0] != '='),
                    pipelineTag = task,
                    library,
                    choices = size is null ? []
                : new[] { new { path = $"{own}-Q4_K_M.gguf", bytes = size / 2 }, new { path = $"{own}-Q8_0.gguf", bytes = size } },
                }), JsonSerializer.Serialize(
            new { card = new { license = licence, language, tags = tags.Take(3), pipeline_tag = task, library_name = library } }),
                new KeptWords(i, downloads, [], [], []).Place, downloads);
            foreach (var one in tags)
                target.Add("listing_tags (tag_key, repo_id, tag)", one, i, one);
            string[] names =
                [.. named.Concat([$"{_words[owner % NameWords]}{owner}", i.ToString(CultureInfo.InvariantCulture)]).Distinct()];
            string[] head = [.. tags.Where(t => t[0] != '=').SelectMany(t => t.Split('-', ':', '/')).Append(language).Distinct(),
                WordIndex.Type(kind), WordIndex.Owner(owner + 100), .. tags.Select(WordIndex.Tag), .. Grams.Of(full),
                .. WordIndex.Room(size / 2)];
            target.Add(new KeptWords(i, downloads, names, [.. head.Except(names)],
                [.. Enumerable.Range(0, BodyWords).Select(_ => _words[Rank(Vocabulary)]).Distinct()]));
            if (i % 50_000 == 0)
                target.Write();
        }
        target.Write();
        target.Finish();
    }
}
