using System.IO.Hashing;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;

namespace Banyan.Training.Checkpoints;

/// <summary>Which base a run trains, by the content of its tensors.</summary>
internal static class BaseFingerprint
{
    /// <summary>A hash of all names, shapes and values.</summary>
    public static string Of(Model model)
    {
        using var file = ModelFile.Open(model.Path);
        var hash = new XxHash128();
        foreach (var tensor in file.Tensors)
        {
            hash.Append(Encoding.UTF8.GetBytes(tensor.ToString()));
            for (long row = 0; row < tensor.Rows; row++)
                hash.Append(tensor.Row(row));
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
