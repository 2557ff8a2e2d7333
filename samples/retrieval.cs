#:project ../src/Banyan.Runtime/Banyan.Runtime.csproj
#:property PublishAot=false

// The passages of a folder of texts that are nearest to a question: dotnet run samples/retrieval.cs MODEL.gguf FOLDER QUESTION
// MODEL is one for embeddings (nomic-embed-text, qwen3-embedding); any other gives vectors that are worth little.

using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Models;
using Microsoft.Extensions.AI;

if (args is not [var path, var folder, .. { Length: > 0 } question])
{
    Console.Error.WriteLine("dotnet run samples/retrieval.cs MODEL.gguf FOLDER QUESTION");
    return 1;
}
using var model = Model.Load(path);
using var generator = new Embedder(model).AsEmbeddingGenerator();
var passages = Directory.EnumerateFiles(folder, "*.txt", SearchOption.AllDirectories).Order()
    .SelectMany(file => File.ReadAllText(file).ReplaceLineEndings("\n")
        .Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(text => (File: Path.GetFileName(file), Text: text)))
    .ToList();
if (passages.Count == 0)
{
    Console.Error.WriteLine($"{folder} has no .txt");
    return 1;
}
var vectors = await generator.GenerateAsync(passages.Select(p => p.Text));
var asked = await generator.GenerateVectorAsync(string.Join(' ', question));
foreach (var (passage, similarity) in passages.Zip(vectors, (p, v) => (p, Dot(v.Vector.Span, asked.Span)))
    .OrderByDescending(p => p.Item2).Take(3))
    Console.WriteLine($"{similarity:F3}  {passage.File}: {passage.Text}");
return 0;

// Vectors have length 1: their product is the cosine.
static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
{
    var sum = 0f;
    for (var i = 0; i < a.Length; i++)
        sum += a[i] * b[i];
    return sum;
}
