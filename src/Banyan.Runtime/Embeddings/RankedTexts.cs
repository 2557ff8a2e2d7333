using Banyan.Runtime.Models;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Embeddings;

/// <summary>A query with a document, in the form that rerankers are trained with.</summary>
static class RankedTexts
{
    const string Query = "{query}", Document = "{document}";

    /// <summary>The instruction for Qwen3's rerankers, if the file has none (huggingface.co/Qwen/Qwen3-Reranker-0.6B).</summary>
    const string Qwen3 =
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. "
        + "Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n"
        + "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n"
        + "<Query>: {query}\n<Document>: {document}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";

    /// <summary>The tokens; special ones stand for themselves only where the form has them, never in the texts.</summary>
    /// <returns>False if there are more than <paramref name="maxTokens"/>.</returns>
    public static bool TryEncode(Model model, string query, string document, int maxTokens, out int[] ids)
    {
        if (model.RankTemplate is { } template)
            return TryFill(model.Tokenizer, template, query, document, maxTokens, out ids);
        return model.Config.IsEncoder
            ? model.Tokenizer.TryEncodePair(query, document, maxTokens, out ids)
            : TryFill(model.Tokenizer, Qwen3, query, document, maxTokens, out ids);
    }

    static bool TryFill(Tokenizer tokenizer, string template, string query, string document, int maxTokens, out int[] ids)
    {
        // A character that is in neither text.
        var mark = '\uFDD0';
        while (mark < '\uFDEF' && (query.Contains(mark) || document.Contains(mark)))
            mark++;
        var text = new System.Text.StringBuilder();
        for (var rest = template; rest.Length > 0;)
        {
            var (q, d) = (At(rest, Query), At(rest, Document));
            var at = Math.Min(q, d);
            text.Append(rest.AsSpan(0, at));
            if (at == rest.Length)
                break;
            text.Append(tokenizer.Marked(q < d ? query : document, mark, keepThoughts: false));
            rest = rest[(at + (q < d ? Query : Document).Length)..];
        }
        return tokenizer.TryEncodeMarked(text.ToString(), mark, maxTokens, out ids);
    }

    static int At(string text, string what) => text.IndexOf(what, StringComparison.Ordinal) is var at and >= 0 ? at : text.Length;
}
